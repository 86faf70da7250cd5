"""job cancel, retry, run-again, delete and priority."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import audited, record
from webapp.cli.command_group import BadUsage, Failed, loaded
from webapp.cli.context import services
from webapp.cli.output import as_json, print_jobs
from webapp.cli.parameters import JOB, PERIOD, PRIORITY, in_json
from webapp.jobs.model.job import IllegalTransition, Job

T = TypeVar("T")


@click.command()
@click.argument("jobs", metavar="ID...", nargs=-1, required=True, type=JOB)
@in_json
def cancel(jobs: tuple[Job, ...], *, in_json: bool) -> None:
    """Stop jobs. Waiting jobs stop at once, running jobs at their next step."""
    hint = "Only an unfinished job can be cancelled."
    with each_job(jobs, AuditAction.JOB_STOP, services().jobs.cancel, hint) as done:
        print_jobs(done, in_json=in_json)


@click.command()
@click.argument("jobs", metavar="ID...", nargs=-1, type=JOB)
@click.option("--all-failed", is_flag=True, help="Retry all failed and lost jobs, with their failed child jobs.")
@click.option("--since", type=PERIOD, help="With --all-failed: only jobs that finished within this period.")
@in_json
def retry(jobs: tuple[Job, ...], since: timedelta | None, *, all_failed: bool, in_json: bool) -> None:
    """Retry failed, stopped or lost jobs. They continue from their checkpoints."""
    if bool(jobs) == all_failed:
        raise BadUsage("Give the IDs of the jobs to retry, or --all-failed.")
    if since is not None and not all_failed:
        raise BadUsage("--since works only with --all-failed, not with IDs.")
    if all_failed:
        _retry_all(since, in_json=in_json)
        return
    hint = "Only a failed, stopped or lost job can be retried. `deskjob job run-again` starts a copy of any job."
    with each_job(jobs, AuditAction.JOB_RETRY, services().jobs.retry, hint) as done:
        print_jobs(done, in_json=in_json)


@click.command("run-again")
@click.argument("job", metavar="ID", type=JOB)
@click.option("--from-step", metavar="NAME", help="Keep the results of the steps before this one.")
@in_json
def run_again(job: Job, from_step: str | None, *, in_json: bool) -> None:
    """Start a new job with the input of another one. Prints the ID of the new job."""
    try:
        new = services().jobs.run_again(job.id, from_step=from_step)
    except FileNotFoundError:
        raise Failed(f"The input files of job {job.short_id} were deleted. Start a new job instead.") from None
    except loaded("webapp.jobs.lifecycle.create", "BadRequest") as error:
        raise Failed(str(error)) from None
    after = {"again_of": job.id, **({"from_step": from_step} if from_step else {})}
    record(AuditAction.JOB_RUN_AGAIN, AuditTarget.JOB, new.id, name=new.title, after=after)
    click.echo(as_json(new.to_dict()) if in_json else str(new.id))


@click.command()
@click.argument("jobs", metavar="ID...", nargs=-1, required=True, type=JOB)
@in_json
def delete(jobs: tuple[Job, ...], *, in_json: bool) -> None:
    """Delete finished jobs. Their child jobs and files are deleted too; this cannot be undone."""
    with each_job(jobs, AuditAction.JOB_DELETE, _deleted, "") as done:
        if in_json:
            click.echo(as_json({"deleted": done}))
        for job_id in () if in_json else done:
            click.echo(f"{job_id}  deleted")


@click.command()
@click.argument("job", metavar="ID", type=JOB)
@click.argument("number", metavar="N", type=PRIORITY)
@in_json
def priority(job: Job, number: int, *, in_json: bool) -> None:
    """Change the priority of a waiting job. Higher priorities run first."""
    change = {"before": {"priority": job.priority}, "after": {"priority": number}}
    try:
        with audited(AuditAction.JOB_PRIORITY, AuditTarget.JOB, job.id, name=job.title, **change):
            prioritised = services().admin_jobs.set_priority(job.id, number)
        print_jobs([prioritised], in_json=in_json, alone=True)
    except loaded("webapp.jobs.lifecycle.create", "BadRequest") as error:
        raise Failed(str(error)) from None


@contextmanager
def each_job(
    jobs: Iterable[Job],
    action: AuditAction,
    verb: Callable[[UUID], T],
    hint: str = "",
    *,
    after: Mapping[str, Any] | None = None,
) -> Iterator[list[T]]:
    """Act on each job and give the results; fail at the end with the sentences of the jobs that refused."""
    done: list[T] = []
    refused: list[str] = []
    for job in {job.id: job for job in jobs}.values():
        try:
            with audited(action, AuditTarget.JOB, job.id, name=job.title, before={"status": job.status}, after=after):
                done.append(verb(job.id))
        except _refusals() as error:
            refused.append(str(error))
    yield done
    if refused:
        raise Failed(" ".join([*refused, hint]).rstrip())


def _retry_all(since: timedelta | None, *, in_json: bool) -> None:
    all_jobs = services().queries.all_jobs
    retried = skipped = 0
    last: UUID | None = None
    while ids := all_jobs.failed_ids(within=since, after=last):
        count = sum(map(is_retried, ids))
        retried, skipped, last = retried + count, skipped + len(ids) - count, ids[-1]
    record(
        AuditAction.JOBS_BULK, AuditTarget.JOBS, "retry", after={"retried": retried, "skipped": skipped, "since": since}
    )
    sentence = f"Retried: {retried:,}."
    if skipped:
        sentence += f" Skipped because an unfinished job has the same unique key: {skipped:,}."
    click.echo(as_json({"retried": retried, "skipped": skipped}) if in_json else sentence)


def _deleted(job_id: UUID) -> UUID:
    services().jobs.delete(job_id)
    return job_id


def _refusals() -> tuple[type[Exception], ...]:
    """Return the errors of one job, after which the next one is tried."""
    return (IllegalTransition, *loaded("webapp.jobs.store.unique_keys", "UniqueKeyTaken"))


def is_retried(job_id: UUID) -> bool:
    """Retry a job; return whether that was possible."""
    try:
        services().jobs.retry(job_id)
    except _refusals():  # changed by someone else meanwhile
        return False
    return True
