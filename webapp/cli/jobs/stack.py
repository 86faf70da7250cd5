"""job stack: show where a running job hangs."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import audited
from webapp.cli.command_group import Failed
from webapp.cli.context import services
from webapp.cli.output import as_json, readable
from webapp.cli.parameters import JOB, in_json
from webapp.jobs.model.job import Job

if TYPE_CHECKING:
    from webapp.jobs.execution.process_snapshots.snapshot_store import ProcessSnapshot

_LOOK_SECONDS = 0.3
_FACTS = ("id", "attempt", "worker", "host", "requested_at", "taken_at", "note")


@click.command()
@click.argument("job", metavar="ID", type=JOB)
@click.option("--last", is_flag=True, help="Do not ask again: print what the last request found.")
@in_json
def stack(job: Job, *, last: bool, in_json: bool) -> None:
    """Show where a running job hangs.

    Its worker looks at the stack, the memory, the open files and the connections of the process; the job goes on
    undisturbed. The exit status is 1 if there is no answer.
    """
    snapshot = _last(job) if last else _requested(job)
    if in_json:
        click.echo(as_json({**{name: getattr(snapshot, name) for name in _FACTS}, **snapshot.content}))
    else:
        _print(snapshot)
    if not snapshot.content:
        raise Failed(snapshot.note)


def _last(job: Job) -> ProcessSnapshot:
    snapshots = services().process_snapshots.of_job(job)
    if not snapshots:
        raise Failed("Nobody has asked where this job hangs.")
    return snapshots[0]


def _requested(job: Job) -> ProcessSnapshot:
    from webapp.jobs.execution.process_snapshots.snapshot_store import SnapshotRefused

    try:
        with audited(AuditAction.JOB_SNAPSHOT, AuditTarget.JOB, job.id, name=job.title):
            snapshot: ProcessSnapshot = services().process_snapshots.request(job)
    except SnapshotRefused as refusal:
        raise Failed(str(refusal)) from None
    while snapshot.is_awaited:  # at some time it has a note
        time.sleep(_LOOK_SECONDS)
        snapshot = _last(services().jobs.get(job.id))
    return snapshot


def _print(snapshot: ProcessSnapshot) -> None:
    content = snapshot.content
    if not content:
        return
    memory, cpu = content["memory"] / 1024**2, timedelta(seconds=round(content["cpu_seconds"]))
    click.echo(
        readable(f"Process {content['pid']} on {snapshot.host}: {content['state']}, {memory:,.0f} MiB, CPU time {cpu}")
    )
    if snapshot.note:
        click.echo(readable(snapshot.note))
    for thread in content["threads"]:
        click.echo(f"\nThread {readable(thread['name'])}\n{thread['stack'].rstrip()}")
    for name in ("files", "connections", "children"):
        for item in content[name]:
            click.echo(readable(f"{name}: {item}"))
