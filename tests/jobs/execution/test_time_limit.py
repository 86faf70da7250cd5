import signal
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.installation import wait_for
from tests.jobs.conftest import Nothing
from webapp.jobs.execution.context import JobContext
from webapp.jobs.execution.time_limit import JobTimeout, time_limit
from webapp.jobs.model.job import Job, Status

Run = Callable[..., Job]


def test_a_block_in_time_leaves_no_alarm() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with time_limit(timedelta(hours=1)):
        pass
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_block_that_takes_too_long_is_interrupted() -> None:
    with pytest.raises(JobTimeout, match=r"longer than its limit of 0\.1 s"), time_limit(timedelta(seconds=0.1)):
        wait_for(lambda: False)


def test_a_swallowed_timeout_fails_the_job(run: Run) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        try:
            wait_for(lambda: False)
        except BaseException:  # noqa: BLE001
            return

    job = run(handler, timeout=timedelta(seconds=0.2))
    assert (job.status, job.errors[-1]["text"]) == (
        Status.FAILED,
        "It ran longer than its limit of 0.2 s and was stopped.",
    )
