"""`deskjob up`: start everything on one machine: Valkey, tables, first admin, web server, workers, clock."""

import os
import signal
import socket
import sys
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, sleep

import click
from flask import Flask

from webapp.config import Unready
from webapp.db.sqlite_file import removed_file
from webapp.processes import valkey
from webapp.processes.bootstrap import first_admin, migrate
from webapp.processes.preflight import check_folders, check_redis, single_instance
from webapp.processes.supervisor import Program, Supervisor
from webapp.services import Services

_READY_SECONDS = 300.0  # for a process that hangs; one that ends is noticed at once, and a busy machine starts slowly


def run(app: Flask, *, host: str, port: int, workers: int) -> None:
    """Start everything, print when the first page can be served, stop gracefully on Ctrl-C or SIGTERM.

    Raises `Unready` before anything is started if something is missing.
    """
    services: Services = app.extensions["deskjob"]
    _refuse_taken_port(host, port)
    check_folders(services.settings)
    with single_instance(services.settings.data_dir):
        check_redis(services)
        migrate(app)
        if password := first_admin(services):
            click.echo(f"First start: sign in as admin with the password {password} (shown only now)")
        _run(services, host=host, port=port, workers=workers)


def _run(services: Services, *, host: str, port: int, workers: int) -> None:
    supervisor = Supervisor(services.settings.stop_grace_seconds + 15)
    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, supervisor.request_stop)
    try:
        _start(supervisor, services, host, port, workers)
        _await_first_page(supervisor, host, port)
        _announce(host, port, services)
        supervisor.watch()
        click.echo("Stopping; running jobs have a grace period …")
    finally:
        supervisor.stop()
    if path := removed_file(services.engine):
        click.echo(
            f"Stopped. The database file {path} is missing: put it back or restore a backup before ./deskjob up."
        )
    else:
        click.echo("Stopped. All data is kept; ./deskjob up continues.")


def _start(supervisor: Supervisor, services: Services, host: str, port: int, workers: int) -> None:
    settings, logs = services.settings, services.settings.data_dir / "log"
    if not settings.redis_url:
        supervisor.start(Program(name="valkey", command=valkey.command(settings.redis_socket), log=logs / "valkey.log"))
    deskjob = [sys.executable, "-m", "webapp.cli"]
    commands = {
        "web": [*deskjob, "web", "--host", host, "--port", str(port)],
        "worker": [*deskjob, "worker", "--workers", str(workers)],
        "clock": [*deskjob, "clock"],
    }
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, [_root(), os.environ.get("PYTHONPATH", "")]))}
    for name, command in commands.items():
        supervisor.start(Program(name=name, command=command, log=logs / f"{name}.log", environment=environment))


def _root() -> str:
    return str(Path(__file__).parent.parent.parent)


def _refuse_taken_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            message = f"Port {port} on {host} cannot be used ({error.strerror}). Choose another port with --port."
            raise Unready(message) from None


def _await_first_page(supervisor: Supervisor, host: str, port: int) -> None:
    deadline = monotonic() + _READY_SECONDS
    while not _answers(host, port):
        ended = next((program for program in supervisor.programs if program.ended), None)
        if ended or monotonic() > deadline:
            program = ended or supervisor.programs[-1]
            message = f"{program.name} did not start. See its log: {program.log}"
            raise Unready(message)
        sleep(0.1)


def _answers(host: str, port: int) -> bool:
    connection = HTTPConnection("127.0.0.1" if host in {"0.0.0.0", ""} else host, port, timeout=2)  # noqa: S104
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200  # noqa: PLR2004
    except OSError:
        return False
    finally:
        connection.close()


def _announce(host: str, port: int, services: Services) -> None:
    click.echo(f"Deskjob is ready at http://{host}:{port}{services.settings.public_path}")
    click.echo(f"Logs are in {services.settings.data_dir / 'log'}; press Ctrl-C to stop.", err=True)
