from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from click.testing import Result

from webapp.jobs.leases import Holder
from webapp.services import Services
from webapp.version import version

Say = Callable[..., Result]
HOLDER = Holder(host="elsewhere", boot_id="b", worker="w", pid=17)


@pytest.mark.usefixtures("database")
def test_a_worker_that_redis_does_not_know_is_listed_by_its_lease(
    say: Say, services: Services, start: Callable[..., str]
) -> None:
    job_id = UUID(start())
    services.claims.claim("default", services.leases.open(HOLDER, "default"), fresh=True)
    # Valkey is shared by the tests of a process, so other workers may be listed too
    [line] = [line for line in say("worker", "list").stdout.splitlines() if line.startswith("elsewhere")]
    assert line.split()[:2] == ["elsewhere", "17"]
    assert f"runs {job_id.hex[-8:]} (job_history_export)" in line


def test_a_worker_of_another_version_is_marked(say: Say, services: Services) -> None:
    services.leases.open(replace(HOLDER, version="0.0.9+feedbeef"), "default")
    services.leases.open(replace(HOLDER, host="same", worker="v", version=version()), "default")
    lines = {line.split()[0]: line for line in say("worker", "list").stdout.splitlines()}
    assert "0.0.9+feedbeef, not the version of this command" in lines["elsewhere"]
    assert version() in lines["same"]
    assert "not the version" not in lines["same"]


def test_a_redis_that_is_away_costs_the_idle_ones(say: Say, services: Services) -> None:
    services.leases.open(HOLDER, "default")
    services.wake_ups.connection.connection_pool.reset()
    services.wake_ups.connection.connection_pool.connection_kwargs["path"] = "/no/such/socket"
    listed = say("worker", "list")
    assert listed.exit_code == 0
    assert "so idle workers are not listed" in listed.stderr
    assert "elsewhere" in listed.stdout


def test_a_worker_takes_no_other_command(say: Say) -> None:
    refused = say("worker", "lsit")
    assert refused.exit_code == 2
    assert "No such command 'lsit'. Did you mean 'list'? See `deskjob worker --help`." in refused.stderr
