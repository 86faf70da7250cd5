"""A short chaos on each database; `deskjob bench chaos` is the long one."""

import pytest

from benchmarks.chaos import SHORT, chaotic, opened

SEED = 7  # the same jobs and strikes each time; their moments are the machine's


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_nothing_is_lost_and_nothing_runs_twice_whatever_is_struck(kind: str) -> None:
    with opened(kind, SHORT.lease_seconds, SEED) as (house, services, database):
        outcome = chaotic(house, services, database, SHORT, SEED)
    judgement = outcome.judgement
    assert (judgement.lost, judgement.twice, judgement.wrong) == (set(), set(), [])
    assert outcome.made == SHORT.rain.jobs
    assert outcome.struck.total() >= 2
