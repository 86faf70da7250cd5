from importlib import import_module

import pytest

from webapp import jobs

DOCUMENTED = [
    "Jobs",
    "Job",
    "Status",
    "Owner",
    "JobContext",
    "job_type",
    "JobCancelled",
    "IllegalTransition",
    "InvalidPayload",
    "StaleJob",
    "JobNotFound",
    "DuplicateJob",
    "RetryPolicy",
    "Retention",
    "plan_chunks",
    "Viewer",
    "NotStorable",
    "BadRequest",
    "JobError",
    "Upload",
    "job_created",
    "job_started",
    "job_progressed",
    "job_completed",
    "job_failed",
    "job_cancelled",
    "job_stale",
    "job_retrying",
]


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_documented_name_can_be_imported_from_the_engine(name: str) -> None:
    assert name in jobs.__all__
    assert hasattr(jobs, name)


@pytest.mark.parametrize("name", jobs.__all__)
def test_a_public_name_is_documented_where_it_is_defined(name: str) -> None:
    found = getattr(jobs, name)
    defined_in = import_module(found.__module__ if hasattr(found, "__qualname__") else "webapp.jobs.store.signals")
    assert found.__doc__
    assert getattr(defined_in, name) is found
