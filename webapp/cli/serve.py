"""web, the command that loads the pages."""

import click

from webapp.cli.context import app

_START_SECONDS = 60.0  # how long the web server waits at its start for the database


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port to listen on.")
@click.option("--processes", default=2, show_default=True, help="Number of web processes.")
@click.option("--threads", default=8, show_default=True, help="Number of threads per process.")
def web(host: str, port: int, processes: int, threads: int) -> None:
    """Run the web server."""
    from webapp.processes.preflight import require_tables, warn_of_storage
    from webapp.processes.web import serve
    from webapp.telemetry.program import start_telemetry

    services = app().extensions["deskjob"]
    start_telemetry(services.settings, services.secret_key, program="web")
    require_tables(services, patience=_START_SECONDS)
    warn_of_storage(services)
    serve(app(), host=host, port=port, processes=processes, threads=threads)
