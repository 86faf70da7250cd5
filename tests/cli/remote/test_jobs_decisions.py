"""Who may answer or approve can do it over the API, even if the job is in no list that they see."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import Result
from pydantic import BaseModel

from tests.asked_jobs import asked_job
from webapp.accounts.tokens import scopes_for
from webapp.accounts.user import User
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.approval import Approval
from webapp.jobs.model.job import Job, Owner, Status
from webapp.services import Services

Far = Callable[..., Result]
YES = ("--answer", '{"keep": true}')


@pytest.fixture
def token_of(services: Services) -> Callable[[User], dict[str, str]]:
    """Return the environment with a token of a user."""

    def made(user: User) -> dict[str, str]:
        return {"DESKJOB_TOKEN": services.tokens.add(user, "laptop", list(scopes_for(user)))[1]}

    return made


@pytest.mark.parametrize("reference", ["id", "short_id"])
def test_who_is_asked_answers_a_job_that_they_cannot_see(
    far: Far, services: Services, user: User, person: Callable[..., User], token_of: Any, reference: str
) -> None:
    asked, _ = asked_job(services, asked_of=f"user:{user.id}", owner=person("bo").id)
    env = token_of(user)
    assert far("job", "show", asked.id, env=env).exit_code != 0
    answered = far("job", "answer", getattr(asked, reference), *YES, env=env)
    assert (answered.exit_code, answered.stderr) == (0, "")
    assert answered.stdout == f"Job {asked.short_id} has your answer: Import\n"
    assert services.jobs.get(asked.id).status is Status.QUEUED
    again = far("job", "answer", getattr(asked, reference), *YES, env=env)
    assert again.exit_code != 0
    assert ("There is no job" if reference == "short_id" else "does not wait for an answer") in again.stderr


def test_an_answer_in_json_has_what_the_account_sees_of_the_job(
    far: Far, services: Services, user: User, person: Callable[..., User], token_of: Any
) -> None:
    asked, _ = asked_job(services, asked_of=f"user:{user.id}", owner=person("bo").id)
    answered = far("job", "answer", asked.id, *YES, "--json", env=token_of(user))
    assert json.loads(answered.stdout) == {"id": str(asked.id), "type": "sheet", "title": "Import"}


def test_a_wrong_answer_of_who_cannot_see_the_job_is_refused(
    far: Far, services: Services, user: User, person: Callable[..., User], token_of: Any
) -> None:
    asked, _ = asked_job(services, asked_of=f"user:{user.id}", owner=person("bo").id)
    refused = far("job", "answer", asked.id, "--answer", "{}", env=token_of(user))
    assert (refused.exit_code, "keep: Field required." in refused.stderr) == (2, True)
    assert services.jobs.get(asked.id) == asked


@pytest.mark.parametrize("reference", ["id", "short_id"])
def test_who_is_not_asked_finds_no_job(
    far: Far, services: Services, user: User, person: Callable[..., User], token_of: Any, reference: str
) -> None:
    asked, _ = asked_job(services, asked_of="role:operator", owner=person("bo").id)
    refused = far("job", "answer", getattr(asked, reference), *YES, env=token_of(user))
    assert (refused.exit_code, "There is no job" in refused.stderr) == (2, True), refused.stderr
    assert services.jobs.get(asked.id) == asked


class Payout(BaseModel):
    """No input."""


def _pay(job: JobContext, payload: Payout) -> None:
    """Do nothing."""


@pytest.mark.parametrize("reference", ["id", "short_id"])
@pytest.mark.parametrize("words", [("approve",), ("reject", "--reason", "Twice.")])
def test_who_approves_a_type_decides_on_jobs_of_others(
    far: Far,
    services: Services,
    user: User,
    person: Callable[..., User],
    put: Callable[..., Job],
    token_of: Any,
    reference: str,
    words: tuple[str, ...],
) -> None:
    verb, *options = words
    services.registry.add(job_type("payout", title="Payout", approval=Approval(role="user"))(_pay))
    until = datetime.now(UTC) + timedelta(days=1)
    owner = Owner(user_id=person("bo").id)
    job = put(Status.HELD, type="payout", approval="pending", approval_ends_at=until, owner=owner)
    decided = far("job", verb, getattr(job, reference), *options, env=token_of(user))
    assert (decided.exit_code, decided.stderr) == (0, "")
    assert not services.jobs.get(job.id).waits_for_approval
