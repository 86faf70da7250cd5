import os
import socket
import subprocess
from pathlib import Path

import psutil

from webapp.jobs.execution.process_snapshots.process_facts import process_facts


def test_memory_open_files_connections_and_children_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    with path.open("w"), socket.create_server(("127.0.0.1", 0)) as server:
        child = subprocess.Popen(["sleep", "10000"])
        try:
            facts = process_facts(os.getpid())
        finally:
            child.kill()
            child.wait()
        assert facts is not None
        assert facts.memory > 2**20
        assert facts.cpu_seconds > 0
        assert facts.state in {psutil.STATUS_RUNNING, psutil.STATUS_SLEEPING}
        assert str(path) in facts.files
        assert f"127.0.0.1:{server.getsockname()[1]} (LISTEN)" in facts.connections
        assert any(f"({child.pid}, " in shown for shown in facts.children)
        assert not any("10000" in shown for shown in facts.children), "command lines can contain passwords"


def test_there_are_no_facts_of_a_process_that_is_gone() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    assert process_facts(child.pid) is None
