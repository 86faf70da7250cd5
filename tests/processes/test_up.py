"""Start and stop `deskjob up`."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from tests.installation import ENDLESS_STEPS, PATIENCE_SECONDS, Installation, free_port, wait_for
from webapp.cli import deskjob
from webapp.config import BadSettingError, Unready
from webapp.jobs.model.job import Status
from webapp.processes.valkey import command


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def fresh(installation: Installation) -> Installation:
    """An installation before its first start, with its own Valkey to come."""
    installation.folder.joinpath("deskjob.sqlite3").unlink()
    del installation.settings["DESKJOB_REDIS_URL"]
    return installation


@pytest.fixture
def taken(port: int) -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        yield port


def ours(installation: Installation) -> list[psutil.Process]:
    """Every process that has this installation's folder in its environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("DESKJOB_DATA_DIR") == str(installation.folder):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def parts_running(installation: Installation) -> set[str]:
    """The names of the processes that run now; a work-horse may end while this looks."""
    found = set()
    for process in ours(installation):
        with suppress(psutil.NoSuchProcess):
            found.add(process.name())
    return found


def refused(installation: Installation, process: subprocess.Popen[bytes], sentence: str) -> None:
    """Check that `up` printed one sentence, ended with status 2, and left no process running."""
    assert process.wait(PATIENCE_SECONDS) == 2
    lines = installation.output.splitlines()
    assert len(lines) == 1, installation.output
    assert lines[0].startswith("deskjob: ")
    assert sentence in lines[0]
    wait_for(lambda: ours(installation) == [])


def test_everything_is_started_serves_runs_jobs_and_stops_gracefully(fresh: Installation, port: int) -> None:
    up = fresh.start_up("--port", str(port), "--workers", "1")
    wait_for(lambda: f"Deskjob is ready at http://127.0.0.1:{port}" in fresh.output)
    assert "First start: sign in as admin with the password" in fresh.output
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    connection.request("GET", "/login")
    assert connection.getresponse().status == 200
    connection.close()
    job_id = fresh.job("quick")
    fresh.await_status(job_id, Status.COMPLETED)
    wait_for(lambda: {"deskjob-worker", "deskjob-clock", "deskjob-web"} <= parts_running(fresh))
    running = fresh.job("steps", ENDLESS_STEPS)
    fresh.await_status(running, Status.RUNNING)

    second = fresh.start_up("--port", str(free_port()))
    assert second.wait(PATIENCE_SECONDS) == 2
    assert "Deskjob is already running on" in fresh.output

    up.send_signal(signal.SIGTERM)
    assert up.wait(PATIENCE_SECONDS) == 0
    assert fresh.output.splitlines()[-1].startswith("Stopped. All data is kept")
    assert fresh.get(running).status is Status.QUEUED
    wait_for(lambda: ours(fresh) == [])


@pytest.mark.exhaustive
def test_a_taken_port_is_refused_before_anything_is_started(fresh: Installation, taken: int) -> None:
    process = fresh.start_up("--port", str(taken))
    refused(fresh, process, f"Port {taken} on 127.0.0.1 cannot be used (Address already in use).")
    assert not (fresh.folder / "log").exists()
    assert not (fresh.folder / "deskjob.sqlite3").exists()


@pytest.mark.exhaustive
def test_a_broken_database_file_is_refused(fresh: Installation, port: int) -> None:
    (fresh.folder / "deskjob.sqlite3").write_bytes(b"this is no database" * 100)
    refused(fresh, fresh.start_up("--port", str(port)), "cannot be used: file is not a database. Restore it")


@pytest.mark.exhaustive
def test_a_database_that_is_away_is_refused(fresh: Installation, port: int) -> None:
    url = "postgresql://nobody:a-secret@127.0.0.1:1/deskjob"
    refused(fresh, fresh.start_up("--port", str(port), DESKJOB_DATABASE_URL=url), "cannot be used: ")
    assert "a-secret" not in fresh.output


def test_a_bad_setting_is_named_in_one_sentence(fresh: Installation, port: int) -> None:
    process = fresh.start_up("--port", str(port), DESKJOB_JOBTYPES="no.such.module")
    refused(fresh, process, "DESKJOB_JOBTYPES cannot be used ('no.such.module'): No module named 'no'.")


@pytest.mark.parametrize("port", [0, 65536, -1, "http"])
def test_an_invalid_port_is_bad_usage(port: int | str) -> None:
    result = CliRunner().invoke(deskjob, ["up", f"--port={port}"])
    assert result.exit_code == 2
    assert "Invalid value for '--port'" in result.output


@pytest.mark.exhaustive
def test_a_process_that_does_not_start_is_named_and_the_others_are_stopped(fresh: Installation, port: int) -> None:
    (fresh.folder / "valkey.sock").mkdir()  # so that Valkey cannot listen there
    process = fresh.start_up("--port", str(port), "--workers", "1")
    assert process.wait(PATIENCE_SECONDS) == 2
    assert fresh.output.splitlines()[-1] == (
        f"deskjob: valkey did not start. See its log: {fresh.folder / 'log' / 'valkey.log'}"
    )
    wait_for(lambda: ours(fresh) == [])
    assert "sign in as admin with the password" in fresh.output, "the admin is made by now, and it is shown only once"


@pytest.mark.exhaustive
def test_a_stop_during_the_start_is_obeyed(fresh: Installation, port: int) -> None:
    process = fresh.start_up("--port", str(port), "--workers", "1")
    wait_for((fresh.folder / "log" / "web.log").exists)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_SECONDS) == 0
    wait_for(lambda: ours(fresh) == [])


def test_a_folder_too_deep_for_a_socket_is_refused_with_the_setting() -> None:
    with pytest.raises(BadSettingError, match=r"DESKJOB_DATA_DIR cannot be used .* too long for a socket"):
        command(Path("/" + "deep/" * 30) / "valkey.sock")


def test_a_machine_without_a_server_for_wake_ups_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Path(command(Path("/valkey.sock"))[0])
    assert os.access(found, os.X_OK)
    monkeypatch.setattr("webapp.processes.valkey.shutil.which", lambda _: None)
    assert Path(command(Path("/valkey.sock"))[0]).name == "valkey-server"
    monkeypatch.setattr("webapp.processes.valkey.find_spec", lambda _: None)
    with pytest.raises(Unready, match="Install one, or set DESKJOB_REDIS_URL"):
        command(Path("/valkey.sock"))
