import json
from collections.abc import Callable

import pytest
from click.testing import Result
from sqlalchemy import update

from webapp.db.engine import writing
from webapp.jobs.invariants import verifier
from webapp.jobs.monitoring.clock_heartbeat import ClockHeartbeat
from webapp.schema import jobs
from webapp.services import Services

Run = Callable[..., Result]
pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, services: Services) -> None:
    monkeypatch.setattr(verifier.run_checks, "__defaults__", (0.0,))
    services.wake_ups.connection.flushdb()
    ClockHeartbeat(services.engine).beat()


def test_verify_prints_a_line_for_each_check(run: Run, start: Callable[..., str]) -> None:
    start()
    done = run("verify")
    assert done.exit_code == 0, done.stdout
    lines = done.stdout.splitlines()
    assert all(line.startswith("holds   ") for line in lines[:-1])
    assert lines[-1] == f"All {len(lines) - 1} checks passed."


def test_a_failed_check_is_printed_with_examples_and_sets_the_exit_status(
    run: Run, start: Callable[..., str], services: Services
) -> None:
    ids = [start() for _ in range(7)]
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(progress=200))
    done = run("verify", "--deep")
    assert done.exit_code == 1
    assert "BROKEN  Progress is between 0 and 100, and 100 when a job is done." in done.stdout
    assert f"          job {ids[0]}, type job_history_export, status queued, progress 200.0" in done.stdout
    assert "          … and 2 more" in done.stdout
    assert done.stderr.startswith("1 of ")


def test_verify_prints_json(run: Run) -> None:
    done = run("verify", "--json")
    found = json.loads(done.stdout)
    assert found["holds"] is True
    assert found["checks"][0] == {
        "holds": True,
        "rule": "A job has an end time if and only if it has ended.",
        "count": 0,
        "examples": [],
    }
