"""A dry run in a process of its own: it ends in time, with what it has shown, and leaves no process behind."""

import resource
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.installation import ENDLESS_SECONDS, TYPES, wait_for
from webapp.config import Settings
from webapp.jobs.execution.by_hand import dry_run_process
from webapp.jobs.execution.by_hand.dry_run_process import DryRunBusy, DryRunResult
from webapp.services import Services

Run = Callable[..., DryRunResult]


@pytest.fixture
def services(settings: Settings, engine: Engine) -> Services:
    database = engine.url.render_as_string(hide_password=False)
    types = settings.model_copy(update={"jobtypes": (TYPES,), "database_url": database})
    return Services(types, engine)


@pytest.fixture
def run(services: Services) -> Run:
    def run(type_name: str, payload: object = None, **limits: float) -> DryRunResult:
        return services.dry_run_processes.run(services.jobs.create_job(type_name, payload), **limits)

    return run


def texts(result: DryRunResult) -> list[str]:
    return [str(line) for line in result.lines]


def test_the_result_of_a_handler_is_returned(run: Run, database: str) -> None:
    result = run("quick")
    assert (result.completes, result.sentence, texts(result)) == (True, "It would complete.", ["message: done"])


@pytest.mark.exhaustive
def test_a_handler_stops_at_the_time_limit(run: Run) -> None:
    result = run("deaf", {"seconds": ENDLESS_SECONDS}, seconds=0.5)
    assert result.completes is False
    assert result.sentence == "It would fail: It ran longer than its limit of 0.5 s and was stopped."
    assert texts(result) == ['state: {"begun": true}']


def test_a_process_that_does_not_end_in_time_is_killed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dry_run_process, "_MORE_SECONDS", 0.0)
    result = run("quick", seconds=0.001)
    assert result.completes is None
    assert result.sentence == "It did not end within 0.001 s or wrote too much, so it was killed."


@pytest.mark.exhaustive
def test_a_process_that_closes_its_output_is_killed_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dry_run_process, "_MORE_SECONDS", 4.0)
    assert run("closes_its_output", {"seconds": ENDLESS_SECONDS}, seconds=0.1).completes is None


@pytest.mark.exhaustive
def test_a_line_without_its_end_hides_no_report(run: Run) -> None:
    result = run("prints_parts")
    assert texts(result) == ["output: one, ", "message: half", "output: two"]
    assert (result.completes, result.sentence) == (True, "It would complete.")


@pytest.mark.exhaustive
def test_a_process_that_writes_too_much_is_killed_with_what_it_has_started(run: Run, tmp_path: Path) -> None:
    mark = tmp_path / "pids"
    result = run("floods", {"path": str(mark)}, seconds=ENDLESS_SECONDS)
    assert result.completes is None
    assert 500 < len(result.lines) <= 1000
    assert texts(result)[-2] == "output: xxxxxxxxxxxxxxxx"
    for pid in mark.read_text().split():
        wait_for(lambda pid=pid: not _is_running(int(pid)))


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_crash_has_a_status_and_the_output(run: Run) -> None:
    result = run("crashes")
    assert (result.completes, result.sentence) == (False, "The process that ran this job exited with status 7.")
    assert "output: going down" in texts(result)


@pytest.mark.exhaustive
def test_a_handler_cannot_use_all_memory(run: Run) -> None:
    result = run("hungry")
    assert result.completes is False
    assert "memory" in result.sentence


def test_a_lower_limit_of_memory_stays(services: Services) -> None:
    lower = (2**29, 2**29)
    with subprocess.Popen(["sleep", "900"]) as process:
        try:
            resource.prlimit(process.pid, resource.RLIMIT_DATA, lower)
            services.dry_run_processes._limit_memory(process.pid)
            assert resource.prlimit(process.pid, resource.RLIMIT_DATA) == lower
        finally:
            process.kill()


@pytest.mark.exhaustive
def test_one_dry_run_at_a_time(services: Services, run: Run, tmp_path: Path) -> None:
    mark = tmp_path / "begun"
    job = services.jobs.create_job("marks_and_waits", {"path": str(mark)})
    results: list[DryRunResult] = []
    thread = threading.Thread(target=lambda: results.append(services.dry_run_processes.run(job)))
    thread.start()
    wait_for(mark.exists)
    with pytest.raises(DryRunBusy):
        run("quick")
    mark.unlink()
    thread.join()
    assert results[0].completes
    assert run("quick").completes
