"""job questions and answer: what jobs ask people; a person answers, who is named on the machine of the installation."""

from typing import Any
from uuid import UUID

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import audited
from webapp.cli.command_group import BadUsage, Failed, loaded
from webapp.cli.context import is_remote, services
from webapp.cli.jobs.approvals import policy_of
from webapp.cli.output import as_json, print_jobs, readable
from webapp.cli.parameters import PAYLOAD, JobInOwnList, in_json, own_account, remote_services
from webapp.jobs.model.job import Job
from webapp.jobs.model.job_policy import JobAction

_QUESTION = ("id", "job_id", "name", "text", "asked_of", "asked_at", "ends_at", "default")
_SEEN = ("id", "type", "title")  # of a job whose question is all that the account can see
_as = click.option("--as", "person", metavar="NAME", help="The account that answers; with --server, that of the token.")


def _find_asking_job(reference: str) -> Job | None:
    return remote_services().open_questions.find_asking_job(reference)


@click.command()
@_as
@in_json
def questions(person: str | None, *, in_json: bool) -> None:
    """List the questions that jobs ask somebody. Those that expire first come first."""
    found = _asked(person)
    if in_json:
        click.echo(as_json([{name: getattr(question, name) for name in _QUESTION} for question in found]))
    for question in () if in_json else found:
        until = f"{question.ends_at:%Y-%m-%d %H:%M:%S}" if question.ends_at else "no end"
        click.echo(readable(f"{question.job_id}  {until:<19}  {' '.join(question.text.split())}"))


@click.command()
@click.argument("job", metavar="ID", type=JobInOwnList(_find_asking_job))
@click.option("--answer", "values", type=PAYLOAD, required=True, help="The fields of the form as a JSON object.")
@_as
@in_json
def answer(job: Job, values: dict[str, Any], person: str | None, *, in_json: bool) -> None:
    """Answer the question that a job waits for.

    An answer that does not fit is refused with a sentence for each field. With --server, the account of the token
    need not see the job: it is enough that the job asks it.
    """
    by, details = _respondent(job, person), {"name": job.title, "after": {"as": person}}
    try:
        with audited(AuditAction.JOB_ANSWER, AuditTarget.JOB, job.id, **details):
            answered: Job | None = services().jobs.answer(job.id, values, by=by)
    except loaded("webapp.jobs.questions.answer_class", "InvalidAnswer") as error:
        raise BadUsage(str(error)) from None
    except loaded("webapp.jobs.questions.answer_class", "UnknownForm") as error:
        raise Failed(str(error)) from None
    if answered is not None:
        print_jobs([answered], in_json=in_json, alone=True)
    elif in_json:
        click.echo(as_json({name: getattr(job, name) for name in _SEEN}))
    else:
        click.echo(readable(f"Job {job.short_id} has your answer: {job.title}"))


def _asked(person: str | None) -> list[Any]:
    if is_remote():
        own_account(person)
        return list(remote_services().open_questions.asked())
    return [found.question for found in services().open_questions.of(policy_of(person, "answers"))]


def _respondent(job: Job, person: str | None) -> UUID:
    """Return the account that answers; raise `Failed` if the policy of the installation refuses it."""
    if is_remote():
        return own_account(person)
    policy = policy_of(person, "answers")
    if job.waits_for_answer and (refusal := policy.refusal(JobAction.ANSWER, job)):
        raise Failed(str(refusal))
    return policy.user_id
