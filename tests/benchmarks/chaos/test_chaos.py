"""A short run of chaos on each database; `deskjob bench chaos` is the long one."""

import pytest

from benchmarks.chaos import SHORT, open_installation, run_mixed

SEED = 7  # the same jobs and faults each time, at times that depend on the machine


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_random_faults_lose_no_job_and_run_none_twice(kind: str) -> None:
    with open_installation(kind, SHORT.lease_seconds, SEED) as (installation, services, database):
        outcome = run_mixed(installation, services, database, SHORT, SEED)
    judgement = outcome.judgement
    assert (judgement.lost, judgement.twice, judgement.wrong) == (set(), set(), [])
    assert outcome.created == SHORT.load.jobs
    assert outcome.injected.total() >= 2
