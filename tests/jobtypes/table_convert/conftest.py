"""Table conversions without a database."""

from tests.jobtypes.report_job import native_functions_run_here

__all__ = ["native_functions_run_here"]
