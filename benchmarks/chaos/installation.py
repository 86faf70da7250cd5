"""All processes of an installation as real processes, restarted when they die."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from benchmarks.chaos.ledger import SETTING as LEDGER
from webapp.processes.valkey import command

ROOT = Path(__file__).parent.parent.parent
TYPES = "benchmarks.chaos.types"
PROGRAMS = ("pool-1", "pool-2", "clock-1", "clock-2", "web")


class ChaosInstallation:
    """Two worker pools, two schedulers, the web server and a Valkey on one data folder."""

    def __init__(
        self, folder: Path, database_url: str, *, lease_seconds: float, workers: int = 2, **settings: Any
    ) -> None:
        self.folder = folder
        self.ledger = folder / "ledger"
        self.ledger.mkdir()
        self.settings: dict[str, Any] = {
            "database_url": database_url,
            "redis_url": f"unix://{folder / 'valkey.sock'}",
            "secret_key": "c" * 32,
            "jobtypes": TYPES,
            "lease_seconds": lease_seconds,
            **settings,
        }
        port = _free_port()
        self.address = f"http://127.0.0.1:{port}"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("DESKJOB_")},
            "PYTHONPATH": str(ROOT),
            "DESKJOB_DATA_DIR": str(folder),
            **{f"DESKJOB_{name.upper()}": str(value) for name, value in self.settings.items()},
            "DESKJOB_STOP_GRACE_SECONDS": "3",
            "DESKJOB_HORSE_SECONDS": "3",
            LEDGER: str(self.ledger),
        }
        pool, web = ("worker", "--workers", str(workers)), ("web", "--port", str(port), "--processes", "1")
        self._commands = dict(zip(PROGRAMS, (pool, pool, ("clock",), ("clock",), web), strict=True))
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._wanted: set[str] = set()
        self._over = threading.Event()
        self._restarter = threading.Thread(target=self._restart, daemon=True)

    def start(self, *names: str) -> None:
        """Start programs, by default all, and restart them when they exit."""
        self.start_redis()
        self._wanted = set(names or PROGRAMS)
        self._restarter.start()

    def process(self, name: str) -> psutil.Process | None:
        """Return the process of a program, if it is running."""
        running = self._running.get(name)
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(running.pid) if running else None
        return None

    def children_of(self, name: str) -> list[psutil.Process]:
        """Return the child processes of a program, such as the workers of a pool."""
        process = self.process(name)
        with suppress(psutil.NoSuchProcess):
            return process.children() if process else []
        return []

    def start_redis(self) -> None:
        """Start an empty Valkey; return when it responds."""
        self._running["redis"] = self._start_valkey()
        while not self._responds():
            time.sleep(0.01)

    def stop_redis(self) -> None:
        """Kill the Valkey and lose its data."""
        self._running["redis"].kill()
        self._running["redis"].wait()

    def close(self) -> None:
        """Stop gracefully; kill what does not stop in time."""
        self._wanted = set()
        self._over.set()
        self._restarter.join()
        redis = self._running.pop("redis")
        for running in self._running.values():
            _send(running, signal.SIGCONT)
            _send(running, signal.SIGTERM)
        for running in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                running.wait(10)
            _send(running, signal.SIGKILL)
            running.wait()
        redis.kill()
        redis.wait()

    def _restart(self) -> None:
        while not self._over.wait(0.1):
            for name in self._wanted:
                self._restart_if_ended(name)

    def _restart_if_ended(self, name: str) -> None:
        running = self._running.get(name)
        if running is None or running.poll() is not None:
            self._running[name] = self._start_program(name)

    def _start_valkey(self) -> "subprocess.Popen[bytes]":
        arguments = command(self.folder / "valkey.sock")
        return subprocess.Popen(arguments, stdout=subprocess.DEVNULL, start_new_session=True)

    def _responds(self) -> bool:
        return _responds(self.folder / "valkey.sock")

    def _start_program(self, name: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                self._command(name),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _command(self, name: str) -> list[str]:
        return [sys.executable, "-m", "webapp.cli", *self._commands[name]]


def _send(running: subprocess.Popen[bytes], sig: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(running.pid, sig)


def _responds(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
            probe.sendall(b"PING\r\n")
            return probe.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
