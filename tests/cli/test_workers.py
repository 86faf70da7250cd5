import json
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from click.testing import Result

from webapp.jobs.execution.leases import Holder
from webapp.jobs.execution.worker_heartbeat import WorkerHeartbeat
from webapp.services import Services

Run = Callable[..., Result]
HOLDER = Holder(host="elsewhere", boot_id="b", worker="w", pid=17)


@pytest.mark.usefixtures("database")
def test_a_worker_without_a_redis_entry_is_listed_by_its_lease(
    run: Run, services: Services, start: Callable[..., str]
) -> None:
    job_id = UUID(start())
    services.claims.claim("default", services.leases.open(HOLDER, "default"), fresh=True)
    # Valkey is shared by the tests of a process, so other workers may be listed too
    [line] = [line for line in run("worker", "list").stdout.splitlines() if line.startswith("elsewhere")]
    assert line.split()[:2] == ["elsewhere", "17"]
    assert f"running {job_id.hex[-8:]} (job_history_export)" in line


def test_without_redis_only_idle_workers_are_missing(run: Run, services: Services) -> None:
    services.leases.open(HOLDER, "default")
    services.wake_ups.connection.connection_pool.reset()
    services.wake_ups.connection.connection_pool.connection_kwargs["path"] = "/no/such/socket"
    listed = run("worker", "list")
    assert listed.exit_code == 0
    assert "so idle workers are not listed" in listed.stderr
    assert "elsewhere" in listed.stdout


def test_an_unknown_worker_command_is_one_sentence(run: Run) -> None:
    refused = run("worker", "lsit")
    assert refused.exit_code == 2
    assert "No such command 'lsit'. Did you mean 'list'? See `deskjob worker --help`." in refused.stderr


def test_a_worker_is_stopped_by_the_beginning_of_its_name(run: Run, services: Services) -> None:
    presence = WorkerHeartbeat(services.engine, replace(HOLDER, worker="abcdef"), ["default"], "0.1.0+abc")
    presence.poll()
    assert run("worker", "stop", "abc").stdout == "Worker abcdef on elsewhere will stop after its current job.\n"
    answer = json.loads(run("worker", "stop", "abc", "--now", "--json").stdout)
    assert (answer["state"], answer["wish"]) == ("stopping", "now")
    [line] = [line for line in run("worker", "list").stdout.splitlines() if line.startswith("elsewhere")]
    assert "different version: 0.1.0+abc" in line


def test_an_unknown_worker_cannot_be_stopped(run: Run) -> None:
    refused = run("worker", "stop", "nobody")
    assert refused.exit_code == 2
    assert "No worker has a name that starts with 'nobody'. See `deskjob worker list`." in refused.stderr
