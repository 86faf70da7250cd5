"""worker, clock and maintain, the commands that do not load the pages."""

import logging

import click

from webapp.cli.context import services
from webapp.version import version

_START_SECONDS = 60.0  # how long a process waits at its start for the database


@click.command()
def clock() -> None:
    """Run the clock, which starts due jobs. It also recovers lost jobs and starts maintenance."""
    from webapp.processes.clock import Clock
    from webapp.processes.preflight import require_tables

    _log_to_stderr()
    require_tables(services(), patience=_START_SECONDS)
    Clock(services()).run()


@click.command()
@click.option("--dry-run", is_flag=True, help="Count what would be deleted, and delete nothing.")
def maintain(*, dry_run: bool) -> None:
    """Run the clock's chores and maintenance once."""
    from webapp.processes.clock import Clock
    from webapp.processes.preflight import require_tables

    app_services = services()
    require_tables(app_services)
    if not dry_run:
        Clock(app_services).tick()
    pruner = app_services.pruner
    counts = {
        "expired files": pruner.expire_files(only_count=dry_run),
        "orphaned files": pruner.sweep_orphans(only_count=dry_run),
        "old jobs": pruner.prune(only_count=dry_run),
        "old schedule runs": pruner.prune_schedule_runs(only_count=dry_run),
        "old metrics": pruner.prune_metrics(only_count=dry_run),
        "expired sessions": app_services.sessions.sweep(only_count=dry_run),
    }
    for what, count in counts.items():
        click.echo(f"{'Would delete' if dry_run else 'Deleted'} {count:,} {what}.")


def run_workers(queues: str, workers: int | None) -> None:
    """Run a pool of workers on these queues, comma-separated, until it is asked to stop; all queues if none."""
    from webapp.processes.pool import Pool
    from webapp.processes.preflight import require_tables
    from webapp.processes.worker import run, settle_dead_workers, settle_worker

    _log_to_stderr()
    app_services = services()
    require_tables(app_services, patience=_START_SECONDS)
    settle_dead_workers(app_services)
    names = [name.strip() for name in queues.split(",") if name.strip()] or [
        queue.name for queue in app_services.queues.all()
    ]
    for name in names:
        app_services.queues.add(name)  # jobs can be sent to every queue that a worker serves
    logging.getLogger(__name__).info("Workers of version %s start.", version())  # read before a deploy replaces files
    pool = Pool(
        workers or app_services.settings.workers,
        work=lambda name: run(app_services, name, names),
        settle=lambda name: settle_worker(app_services, name),
        grace_seconds=app_services.settings.stop_grace_seconds,
    )
    pool.run()


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
