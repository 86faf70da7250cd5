"""up, worker, clock and maintain, the commands whose process does not load the pages."""

import click

from webapp.cli.command_group import Failed
from webapp.cli.context import services

_START_SECONDS = 60.0  # how long a process waits at its start for the database


@click.command()
def clock() -> None:
    """Run the clock, which starts due jobs. It also recovers lost jobs and starts maintenance."""
    from webapp.processes.clock import Clock
    from webapp.processes.preflight import check_redis_access, require_tables
    from webapp.telemetry.program import start_telemetry

    start_telemetry(services().settings, services().secret_key, program="clock")
    require_tables(services(), patience=_START_SECONDS)
    check_redis_access(services())
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
    if not dry_run and (months := pruner.add_months()):
        click.echo(f"Added partitions for {months} month{'s' if months > 1 else ''}.")
    counts = {
        "expired files": pruner.expire_files(only_count=dry_run),
        "orphaned files": pruner.sweep_orphans(only_count=dry_run),
        "old jobs": pruner.prune(only_count=dry_run),
        "old schedule runs": pruner.prune_schedule_runs(only_count=dry_run),
        "old metrics": pruner.prune_metrics(only_count=dry_run),
        "old rate starts": pruner.prune_rate_starts(only_count=dry_run),
        "old budget counts": pruner.prune_budget_usage(only_count=dry_run),
        "expired sessions": app_services.sessions.sweep(only_count=dry_run),
    }
    for what, count in counts.items():
        click.echo(f"{'Would delete' if dry_run else 'Deleted'} {count:,} {what}.")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port to listen on.")
@click.option("--workers", type=click.IntRange(1, 64), help="Number of workers. Default: DESKJOB_WORKERS.")
def up(host: str, port: int, workers: int | None) -> None:
    """Run Valkey, the web server, workers and the clock. Stop them with Ctrl-C."""
    from webapp.processes.up import run

    run(services(), host=host, port=port, workers=workers)


def run_workers(queues: str, workers: int | None) -> None:
    """Run a pool of workers on these queues, comma-separated, until it is asked to stop; all queues if none."""
    from webapp.processes.preflight import check_redis_access, require_tables, warn_of_storage
    from webapp.processes.worker import run_pool, warm_up
    from webapp.telemetry.program import start_telemetry

    start_telemetry(services().settings, services().secret_key, program="worker")
    require_tables(services(), patience=_START_SECONDS)
    check_redis_access(services())
    warn_of_storage(services())
    warm_up(services())
    run_pool(services(), [name.strip() for name in queues.split(",") if name.strip()], workers)


def run_one_job(job_id: str) -> None:
    """Run the job with this id, and raise `Failed` unless it completes or waits for an answer."""
    from webapp.cli.jobs.wait import outcome
    from webapp.cli.parameters import JOB
    from webapp.jobs.model.job import Status
    from webapp.processes import one_job
    from webapp.processes.preflight import require_tables
    from webapp.telemetry.program import start_telemetry

    start_telemetry(services().settings, services().secret_key, program="worker")
    require_tables(services(), patience=_START_SECONDS)
    ended = one_job.run_one_job(services(), JOB.convert(job_id, None, click.get_current_context()).id)
    if ended.waits_for_answer:  # whose answer launches it again
        return
    if ended.status not in {Status.COMPLETED, Status.WAITING}:
        raise Failed(outcome(ended))
