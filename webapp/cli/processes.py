"""worker and clock, the processes that need no pages, and maintain, which does the clock's work once."""

import logging

import click

from webapp.cli.context import services
from webapp.processes.clock import Clock
from webapp.processes.pool import Pool
from webapp.processes.preflight import require_tables
from webapp.processes.worker import run, settle_what_is_dead, settle_worker
from webapp.version import version

_START_SECONDS = 60.0  # that a process waits at its start for a database that is away


@click.command()
def clock() -> None:
    """Run the clock, which starts due jobs. It also recovers lost jobs and starts maintenance."""
    _log_to_stderr()
    require_tables(services(), patience=_START_SECONDS)
    Clock(services()).run()


@click.command()
@click.option("--dry-run", is_flag=True, help="Only count what would be removed.")
def maintain(*, dry_run: bool) -> None:
    """Run the clock's chores and maintenance once."""
    ours = services()
    require_tables(ours)
    if not dry_run:
        Clock(ours).tick()
    pruner = ours.pruner
    found = {
        "expired files": pruner.expire_files(only_count=dry_run),
        "orphaned files": pruner.sweep_orphans(only_count=dry_run),
        "old jobs": pruner.prune(only_count=dry_run),
        "old runs of schedules": pruner.prune_schedule_runs(only_count=dry_run),
        "old figures": pruner.prune_metrics(only_count=dry_run),
        "ended sessions": ours.sessions.sweep(only_count=dry_run),
    }
    for what, count in found.items():
        click.echo(f"{count} {what} {'would be' if dry_run else 'were'} removed.")


def run_workers(queues: str, workers: int | None) -> None:
    """Run a pool of workers on these queues, comma-separated, until it is asked to stop; all queues if none."""
    _log_to_stderr()
    ours = services()
    require_tables(ours, patience=_START_SECONDS)
    settle_what_is_dead(ours)
    names = [name.strip() for name in queues.split(",") if name.strip()] or [queue.name for queue in ours.queues.all()]
    for name in names:
        ours.queues.add(name)  # where somebody listens, jobs can be sent
    logging.getLogger(__name__).info("Workers of version %s start.", version())  # read before a deploy replaces files
    pool = Pool(
        workers or ours.settings.workers,
        work=lambda name: run(ours, name, names),
        settle=lambda name: settle_worker(ours, name),
        grace_seconds=ours.settings.stop_grace_seconds,
    )
    pool.run()


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
