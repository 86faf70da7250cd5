"""The list of what jobs ask somebody."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from tests.asked_jobs import asked_job
from tests.jobs.statements import plan_of, recorded
from webapp.jobs.model.job import Owner
from webapp.jobs.model.job_policy import JobAction, JobPolicy
from webapp.jobs.questions.question import group_key, role_key, user_key
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
ANA = UUID(int=7)


def policy(tenant: str | None = None, *, sees_all: bool = False) -> JobPolicy:
    asked = frozenset({user_key(ANA), role_key("user"), group_key("Finance")})
    return JobPolicy(user_id=ANA, tenant=tenant, sees_all=sees_all, answers_as=asked)


def test_the_list_has_what_the_policy_lets_somebody_answer(services: Services) -> None:
    soon, later = (datetime.now(UTC) + timedelta(days=days) for days in (1, 9))
    made = [
        asked_job(services, asked_of=user_key(ANA)),
        asked_job(services, asked_of=group_key("Finance"), ends_at=later),
        asked_job(services, asked_of=role_key("user"), ends_at=soon),
        asked_job(services, asked_of=role_key("operator")),
        asked_job(services, asked_of=user_key(uuid4())),
        asked_job(services, asked_of=group_key("Sales")),
    ]
    stopped, _ = asked_job(services, asked_of=user_key(ANA))
    services.jobs.cancel(stopped.id)
    allowed = {question.id for job, question in made if policy().refusal(JobAction.ANSWER, job) is None}
    found = services.open_questions.of(policy())
    assert [each.question for each in found] == [made[2][1], made[1][1], made[0][1]], "what ends first is first"
    assert {each.question.id for each in found} == allowed
    assert [each.job.id for each in found] == [made[2][0].id, made[1][0].id, made[0][0].id]
    assert services.open_questions.count(policy()) == 3


def test_the_list_stays_in_the_tenant(services: Services) -> None:
    asked_job(services, asked_of=role_key("user"))
    asked_job(services, asked_of=role_key("user"), job={"owner": Owner(user_id=uuid4(), tenant="north")})
    of = services.open_questions.count
    assert [of(policy()), of(policy("north")), of(policy("south")), of(policy(sees_all=True))] == [1, 1, 0, 2]


def test_the_count_is_read_from_its_index(services: Services) -> None:
    asked_job(services)
    with recorded(services.engine) as sent:
        services.open_questions.count(policy())
    [(statement, parameters)] = sent
    assert "ix_jobs_asks" in plan_of(services.engine, statement, parameters, as_if_large=True)
