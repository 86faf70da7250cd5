"""job approvals, approve and reject: decisions of a person, who is named on the machine of the installation."""

from typing import TYPE_CHECKING
from uuid import UUID

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import audited
from webapp.cli.command_group import BadUsage, Failed, loaded
from webapp.cli.context import is_remote, services
from webapp.cli.output import print_jobs
from webapp.cli.parameters import JobInOwnList, in_json, own_account, remote_services
from webapp.jobs.model.job import Job
from webapp.jobs.model.job_policy import JobAction

if TYPE_CHECKING:
    from webapp.jobs.model.job_policy import JobPolicy

_as = click.option("--as", "person", metavar="NAME", help="The account that decides; with --server, that of the token.")
_version = click.option("--version", type=int, metavar="N", help="Refuse unless the job still has this version.")


def _find_waiting_job(reference: str) -> Job | None:
    return remote_services().approvals.find_waiting(reference)


_waiting_job = click.argument("job", metavar="ID", type=JobInOwnList(_find_waiting_job))


@click.command()
@_as
@in_json
def approvals(person: str | None, *, in_json: bool) -> None:
    """List the jobs that wait for somebody's approval. Those that expire first come first."""
    if is_remote():
        own_account(person)
        print_jobs(remote_services().approvals.waiting(), in_json=in_json)
    else:
        print_jobs(services().approvals.of(policy_of(person)), in_json=in_json)


@click.command()
@_waiting_job
@_as
@_version
@in_json
def approve(job: Job, person: str | None, version: int | None, *, in_json: bool) -> None:
    """Approve a job that waits for it. See its input first: deskjob job show ID --json."""
    by, details = _approver(job, person), {"name": job.title, "after": {"as": person}}
    try:
        with audited(AuditAction.JOB_APPROVE, AuditTarget.JOB, job.id, **details):
            approved = services().jobs.approve(job.id, by=by, version=version)
    except loaded("webapp.jobs.store.job_store", "StaleJob") as error:
        raise Failed(str(error)) from None
    print_jobs([approved], in_json=in_json, alone=True)


@click.command()
@_waiting_job
@click.option("--reason", required=True, help="Whoever asked for the job sees it.")
@_as
@_version
@in_json
def reject(job: Job, reason: str, person: str | None, version: int | None, *, in_json: bool) -> None:
    """Reject a job that waits for approval. It ends without starting."""
    by, details = _approver(job, person), {"name": job.title, "after": {"as": person, "reason": reason}}
    try:
        with audited(AuditAction.JOB_REJECT, AuditTarget.JOB, job.id, **details):
            rejected = services().jobs.reject(job.id, reason, by=by, version=version)
    except loaded("webapp.jobs.store.job_store", "StaleJob") as error:
        raise Failed(str(error)) from None
    print_jobs([rejected], in_json=in_json, alone=True)


def _approver(job: Job, person: str | None) -> UUID:
    """Return the account that decides; raise `Failed` if the policy of the installation refuses it."""
    if is_remote():
        return own_account(person)
    policy = policy_of(person)
    if refusal := policy.refusal(JobAction.APPROVE, job):
        raise Failed(str(refusal))
    return policy.user_id


def policy_of(person: str | None, verb: str = "decides") -> "JobPolicy":
    """Return the policy of the account that acts; raise `BadUsage` if none is named, or there is none of that name."""
    from webapp.user_policy import user_policy

    if person is None:
        raise BadUsage(f"Say who {verb}: --as NAME.")
    user = services().accounts.by_name(person)
    if user is None or not user.active:
        raise BadUsage(f"There is no active account named {person}. See `deskjob user list`.")
    return user_policy(user, services().registry)
