"""up and web, the commands that load the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from webapp.cli.context import app

if TYPE_CHECKING:
    from webapp.services import Services

_START_SECONDS = 60.0  # how long the web server waits at its start for the database


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port to listen on.")
@click.option("--workers", type=click.IntRange(1, 64), help="Number of workers. Default: DESKJOB_WORKERS.")
def up(host: str, port: int, workers: int | None) -> None:
    """Run Valkey, the web server, workers and the clock. Stop them with Ctrl-C."""
    from webapp.processes.up import run as run_all

    run_all(app(), host=host, port=port, workers=workers or _services().settings.workers)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port to listen on.")
@click.option("--processes", default=2, show_default=True, help="Number of web processes.")
@click.option("--threads", default=8, show_default=True, help="Number of threads per process.")
def web(host: str, port: int, processes: int, threads: int) -> None:
    """Run the web server."""
    from webapp.processes.preflight import require_tables
    from webapp.processes.web import Pages

    require_tables(_services(), patience=_START_SECONDS)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    Pages(app(), address=address, processes=processes, threads=threads).run()


def _services() -> Services:
    services: Services = app().extensions["deskjob"]
    return services
