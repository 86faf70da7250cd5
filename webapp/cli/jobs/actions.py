"""What can be done with jobs: cancel, retry, run again, delete, and another priority."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import audited, note
from webapp.cli.command_group import BadUsage, Failed
from webapp.cli.context import services
from webapp.cli.output import as_json, print_jobs
from webapp.cli.parameters import JOB, PERIOD, PRIORITY, in_json
from webapp.jobs.lifecycle.create import BadRequest
from webapp.jobs.model.job import IllegalTransition, Job
from webapp.jobs.store.unique_keys import UniqueKeyTaken

T = TypeVar("T")


@click.command()
@click.argument("several", metavar="ID...", nargs=-1, required=True, type=JOB)
@in_json
def cancel(several: tuple[Job, ...], *, in_json: bool) -> None:
    """Stop jobs. Waiting jobs stop at once, running jobs at their next step."""
    hint = "Only a job that has not ended can be cancelled."
    with _trying(several, AuditAction.JOB_STOP, services().jobs.cancel, hint) as done:
        print_jobs(done, in_json=in_json)


@click.command()
@click.argument("several", metavar="ID...", nargs=-1, type=JOB)
@click.option("--all-failed", is_flag=True, help="All that failed or were lost, with their failed parts.")
@click.option("--since", type=PERIOD, help="With --all-failed: only those that ended within this period.")
@in_json
def retry(several: tuple[Job, ...], since: timedelta | None, *, all_failed: bool, in_json: bool) -> None:
    """Retry failed, stopped or lost jobs. They continue from their checkpoints."""
    if bool(several) == all_failed:
        raise BadUsage("Say which jobs are to be tried again: either give their IDs, or --all-failed.")
    if since is not None and not all_failed:
        raise BadUsage("--since narrows --all-failed, and is not given with IDs.")
    if all_failed:
        _retry_all(since, in_json=in_json)
        return
    hint = "Only a failed, stopped or lost job can be tried again; `deskjob job run-again` starts a copy of any."
    with _trying(several, AuditAction.JOB_RETRY, services().jobs.retry, hint) as done:
        print_jobs(done, in_json=in_json)


@click.command("run-again")
@click.argument("one", metavar="ID", type=JOB)
@in_json
def run_again(one: Job, *, in_json: bool) -> None:
    """Start a new job with the input of another one. Prints the ID of the new job."""
    try:
        made = services().jobs.run_again(one.id)
    except FileNotFoundError:
        raise Failed(f"The files of job {one.short_id} are gone. Start a new one with its files.") from None
    note(AuditAction.JOB_RUN_AGAIN, AuditTarget.JOB, made.id, name=made.title, after={"again_of": one.id})
    click.echo(as_json(made.to_dict()) if in_json else str(made.id))


@click.command()
@click.argument("several", metavar="ID...", nargs=-1, required=True, type=JOB)
@in_json
def delete(several: tuple[Job, ...], *, in_json: bool) -> None:
    """Delete finished jobs. Their child jobs and files are deleted too; this cannot be undone."""
    with _trying(several, AuditAction.JOB_DELETE, _deleted, "") as done:
        if in_json:
            click.echo(as_json({"deleted": done}))
        for job_id in () if in_json else done:
            click.echo(f"{job_id}  deleted")


@click.command()
@click.argument("one", metavar="ID", type=JOB)
@click.argument("number", metavar="N", type=PRIORITY)
@in_json
def priority(one: Job, number: int, *, in_json: bool) -> None:
    """Change the priority of a waiting job. Higher priorities run first."""
    change = {"before": {"priority": one.priority}, "after": {"priority": number}}
    try:
        with audited(AuditAction.JOB_PRIORITY, AuditTarget.JOB, one.id, name=one.title, **change):
            prioritised = services().admin_jobs.prioritise(one.id, number)
        print_jobs([prioritised], in_json=in_json, alone=True)
    except BadRequest as error:
        raise Failed(str(error)) from None


@contextmanager
def _trying(several: Iterable[Job], action: AuditAction, verb: Callable[[UUID], T], hint: str) -> Iterator[list[T]]:
    """Do it with one job after the other, and give what was done; those that refuse are named at the end."""
    done: list[T] = []
    refused: list[str] = []
    for job in {job.id: job for job in several}.values():
        try:
            with audited(action, AuditTarget.JOB, job.id, name=job.title, before={"status": job.status}):
                done.append(verb(job.id))
        except (IllegalTransition, UniqueKeyTaken) as error:
            refused.append(str(error))
    yield done
    if refused:
        raise Failed(" ".join([*refused, hint]).rstrip())


def _retry_all(since: timedelta | None, *, in_json: bool) -> None:
    jobs = services().queries.all_jobs
    retried = skipped = 0
    last: UUID | None = None
    while ids := jobs.failed_ids(within=since, after=last):
        taken = sum(map(_retried, ids))
        retried, skipped, last = retried + taken, skipped + len(ids) - taken, ids[-1]
    note(
        AuditAction.JOBS_BULK, AuditTarget.JOBS, "retry", after={"retried": retried, "skipped": skipped, "since": since}
    )
    sentence = f"Tried again: {retried:,}."
    if skipped:
        sentence += f" Left alone, because an unfinished job has their unique key: {skipped:,}."
    click.echo(as_json({"retried": retried, "skipped": skipped}) if in_json else sentence)


def _deleted(job_id: UUID) -> UUID:
    services().jobs.delete(job_id)
    return job_id


def _retried(job_id: UUID) -> bool:
    try:
        services().jobs.retry(job_id)
    except (IllegalTransition, UniqueKeyTaken):  # somebody else was faster
        return False
    return True
