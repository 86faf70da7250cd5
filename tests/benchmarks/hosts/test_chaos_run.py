"""A short run of chaos on hosts; `deskjob bench chaos --hosts` is the long one."""

import pytest

from benchmarks.chaos import SHORT, run_mixed
from benchmarks.hosts import chaos_run, network

SEED = 7  # the same jobs and faults each time, at times that depend on the machine


def test_where_namespaces_cannot_be_created_the_verdict_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chaos_run, "are_possible", lambda: False)
    verdict = chaos_run.run(short=True)
    assert not verdict.ok
    assert verdict.values == "not run: Network namespaces need root, iproute2 and util-linux."


@pytest.mark.exhaustive
@pytest.mark.skipif(not network.are_possible(), reason=network.IMPOSSIBLE)
def test_random_faults_of_hosts_lose_no_job_and_run_none_twice() -> None:
    with chaos_run.open_installation(SHORT.lease_seconds, SEED) as (installation, services, database):
        outcome = run_mixed(installation, services, database, SHORT, SEED)
    judgement = outcome.judgement
    assert (judgement.lost, judgement.twice, judgement.wrong) == (set(), set(), [])
    assert outcome.created == SHORT.load.jobs
    assert outcome.injected.total() >= 2
