"""job edit."""

from datetime import datetime
from typing import Any

import click

from webapp.cli.audit_log import record_edit
from webapp.cli.command_group import BadUsage
from webapp.cli.context import services
from webapp.cli.output import print_jobs
from webapp.cli.parameters import JOB, MOMENT, PAYLOAD, PRIORITY, TAGS, in_json
from webapp.jobs.model.job import Job


@click.command()
@click.argument("job", metavar="ID", type=JOB)
@click.option("--payload", type=PAYLOAD, help="The whole input as a JSON object. Files stay.")
@click.option("--priority", type=PRIORITY, help="Higher priorities run first.")
@click.option("--queue", help="Name of the queue.")
@click.option("--at", "run_at", type=MOMENT, help="Start at this time or later: 2026-12-01T18:30Z.")
@click.option("--now", "start_now", is_flag=True, help="Start a scheduled job as soon as possible.")
@click.option("--tags", type=TAGS, metavar="A,B|none", help="Replace the tags. 'none' removes them.")
@in_json
def edit(
    job: Job,
    payload: dict[str, Any] | None,
    run_at: datetime | None,
    *,
    start_now: bool,
    in_json: bool,
    **values: Any,
) -> None:
    """Edit a job that has not started. If a worker starts it meanwhile, nothing is changed."""
    from webapp.jobs.editing.job_edit import JobEdit

    if run_at is not None and start_now:
        raise BadUsage("Give --at or --now, not both.")
    change = JobEdit(payload=payload, run_at=run_at, start_now=start_now, version=job.version, **values)
    if change == JobEdit(version=job.version):
        raise BadUsage("Say what to change: --payload, --priority, --queue, --at, --now or --tags.")
    _, edited = services().job_editor.edit(job.id, change, record=record_edit)
    print_jobs([edited], in_json=in_json, alone=True)
