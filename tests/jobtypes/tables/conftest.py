"""Dataset reports without a database."""

from tests.jobtypes.report_job import native_functions_run_here, report_on

__all__ = ["native_functions_run_here", "report_on"]
