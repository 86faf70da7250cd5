"""`deskjob up`: start everything on one machine: Valkey, tables, first admin, web server, workers, clock."""

import signal
import socket
from collections.abc import Callable
from functools import partial
from http.client import HTTPConnection
from time import monotonic, sleep

import click

from webapp.config import Settings, Unready
from webapp.db.engine import forget_inherited_connections
from webapp.db.sqlite_file import removed_file
from webapp.processes import valkey
from webapp.processes.bootstrap import first_admin, migrate
from webapp.processes.clock import Clock
from webapp.processes.preflight import check_folders, check_redis, check_storage, single_instance
from webapp.processes.supervisor import Program, Supervisor
from webapp.processes.worker import run_pool, warm_up
from webapp.services import Services
from webapp.telemetry.program import start_telemetry
from webapp.version import version

_READY_SECONDS = 300.0  # for a process that hangs; one that ends is noticed at once, and a busy machine starts slowly


def run(services: Services, *, host: str, port: int, workers: int | None) -> None:
    """Start everything, print when the first page can be served, stop gracefully on Ctrl-C or SIGTERM.

    Raises `Unready` before anything is started if something is missing.
    """
    _refuse_taken_port(host, port)
    services.build()
    check_folders(services.settings)
    with single_instance(services.settings.data_dir):
        check_redis(services)
        check_storage(services)
        migrate(services, apart=True)
        if password := first_admin(services):
            click.echo(f"First start: sign in as admin with the password {password} (shown only once)")
        services.settings = services.settings.model_copy(update={"admin_password": None})  # the programs are forks
        _run(services, host=host, port=port, workers=workers)


def _run(services: Services, *, host: str, port: int, workers: int | None) -> None:
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


def _start(supervisor: Supervisor, services: Services, host: str, port: int, workers: int | None) -> None:
    """Start Valkey, and our own programs as forks of this process, which has imported what all of them need."""
    settings, logs = services.settings, services.settings.data_dir / "log"
    programs: dict[str, Callable[[], None]] = {
        "web": lambda: _serve_pages(settings, host, port),
        "worker": lambda: run_pool(services, [], workers),
        "clock": lambda: Clock(services).run(),
    }
    if not settings.redis_url:
        supervisor.start(Program(name="valkey", work=valkey.command(settings.redis_socket), log=logs / "valkey.log"))
    version()  # read before any fork, because a deploy can replace the files later
    warm_up(services)
    for name, work in programs.items():
        forked = partial(_run_program, services, name, work)
        supervisor.start(Program(name=name, work=forked, log=logs / f"{name}.log"))


def _run_program(services: Services, name: str, work: Callable[[], None]) -> None:
    forget_inherited_connections(services.engine)
    start_telemetry(services.settings, services.secret_key, program=name)
    work()


def _serve_pages(settings: Settings, host: str, port: int) -> None:
    """Serve the pages, which no other program imports."""
    from webapp.app import create_app  # noqa: PLC0415
    from webapp.processes.web import serve  # noqa: PLC0415

    serve(create_app(settings), host=host, port=port)


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
