import json
from collections.abc import Callable

import pytest
from click.testing import Result
from pydantic import BaseModel
from sqlalchemy import select

from webapp.accounts.user import User
from webapp.db.engine import reading
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.approval import Approval
from webapp.jobs.model.job import Job
from webapp.schema import audit
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Run = Callable[..., Result]


class Payout(BaseModel):
    """Nothing is paid."""


@job_type("payout", title="Payout", approval=Approval())
def pay(job: JobContext, payload: Payout) -> None:
    """Do nothing."""


@pytest.fixture
def asked(services: Services, user: User, person: Callable[..., User]) -> Job:
    services.registry.add(pay)
    person("bo", role="operator")
    return services.jobs.create_user_job("payout", {}, user.id)


def test_what_waits_is_listed_and_approved_by_a_person(run: Run, services: Services, asked: Job) -> None:
    assert [job["id"] for job in json.loads(run("job", "approvals", "--as", "bo", "--json").stdout)] == [str(asked.id)]
    assert "waits for approval" in run("job", "approvals", "--as", "bo").stdout
    approved = json.loads(run("job", "approve", asked.id, "--as", "bo", "--version", asked.version, "--json").stdout)
    assert (approved["status"], approved["approval"]) == ("queued", "approved")
    assert run("job", "approvals", "--as", "bo").stdout == ""
    with reading(services.engine) as connection:
        line = connection.execute(select(audit).where(audit.c.action == "job_approve")).mappings().one()
    assert (line["object_id"], line["after"]) == (str(asked.id), {"as": "bo"})


def test_a_rejection_ends_the_job_with_its_reason(run: Run, services: Services, asked: Job) -> None:
    assert "rejected" in run("job", "reject", asked.id, "--as", "bo", "--reason", "The wrong month").stdout
    assert services.jobs.get(asked.id).message == "The wrong month"


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ((), 2, "Say who decides: --as NAME."),
        (("--as", "nobody"), 2, "There is no active account named nobody."),
        (("--as", "ana"), 1, "Only the approvers of this job type can do this."),
        (("--as", "bo", "--version", 7), 1, "has changed since version 7 was read."),
    ],
)
def test_a_decision_that_nobody_may_make_is_refused(
    run: Run, services: Services, asked: Job, words: tuple[object, ...], code: int, sentence: str
) -> None:
    for command in (("approve",), ("reject", "--reason", "No")):
        refused = run("job", *command, asked.id, *words)
        assert (refused.exit_code, sentence in refused.stderr) == (code, True)
    assert services.jobs.get(asked.id) == asked


def test_a_job_that_waits_for_approval_is_not_run_by_hand(run: Run, services: Services, asked: Job) -> None:
    refused = run("job", "run", asked.id, input="y\n")
    assert refused.exit_code != 0
    assert "needs approval and does not have it, so it cannot start." in refused.stderr
    assert services.jobs.get(asked.id) == asked
