"""What workers share with their forks, and a job in slices under the memory limit of real work-horses."""

import os
import subprocess
import sys
from itertools import groupby

import pytest

from tests.installation import Installation
from webapp import os_process
from webapp.jobs.model.job import Status

MEGABYTE = 1024**2
# A slice ends when 15 more items may not fit. One item is little enough for its process to be used again otherwise
LIMIT, ITEM, ITEMS = 512 * MEGABYTE, 30 * MEGABYTE, 5
WARM_UP = """
from webapp.cli.context import opened
from webapp.os_process import _c
from webapp.processes.worker import warm_up
warm_up(opened())
figures = _c.mallinfo2()
print(figures.free - figures.free_at_the_end)
"""


@pytest.mark.skipif(not hasattr(os_process._c, "mallinfo2"), reason="the C library is not glibc")
def test_forks_of_a_warm_process_find_no_gaps_between_what_they_share(installation: Installation) -> None:
    environment = {**os.environ, **installation.settings}
    gaps = subprocess.check_output([sys.executable, "-c", WARM_UP], text=True, env=environment)
    assert int(gaps) < 50_000


@pytest.mark.exhaustive
def test_a_slice_that_ended_for_memory_goes_on_in_a_fresh_process(installation: Installation) -> None:
    job_id = installation.job("hoards", {"items": ITEMS, "bytes_each": ITEM})
    installation.start("worker", "--workers", "1", DESKJOB_HORSE_MEGABYTES=str(LIMIT // MEGABYTE))
    job = installation.await_status(job_id, Status.COMPLETED)
    assert job.state["items_done"] == ITEMS, "no item is left out"
    slices = [(process, len(list(items))) for process, items in groupby(job.state["processes"])]
    processes = [process for process, _ in slices]
    assert len(slices) > 1
    assert len(set(processes)) == len(slices), "no process ran two slices"
    assert sum(count for _, count in slices) == ITEMS, "no item is processed twice"
    ended = installation.services.queries.jobs.attempts(job_id)
    assert [attempt.pid for attempt in ended] == processes
    assert [attempt.outcome for attempt in ended] == [*["continued"] * (len(slices) - 1), "completed"]
    assert max(attempt.peak_memory for attempt in ended) <= LIMIT
    assert (job.attempt_number, job.progress) == (1, 100.0)
