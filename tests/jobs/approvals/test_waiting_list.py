from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from tests.jobs.approvals.conftest import Ask
from tests.jobs.statements import plan_of, recorded
from webapp.jobs.editing.job_edit import JobEdit
from webapp.jobs.model.job import Job, Owner
from webapp.jobs.model.job_policy import JobAction, JobPolicy
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def policy(user_id: UUID | None = None, tenant: str | None = None) -> JobPolicy:
    types = frozenset({"payment"})
    return JobPolicy(user_id=user_id or uuid4(), tenant=tenant, sees_all=True, approvable_types=types)


def test_the_list_has_the_jobs_that_the_policy_lets_somebody_approve(services: Services, ask: Ask) -> None:
    me = uuid4()
    jobs = [ask(), ask(owner=me), ask(triggered_by=me), ask(1), ask(owner=uuid4(), triggered_by=uuid4())]
    edited, ended = ask(), ask()
    services.job_editor.edit(edited.id, JobEdit(payload={"amount": 700}), by=me)
    services.jobs.cancel(ended.id)
    services.jobs.approve(ask().id, by=uuid4())
    ana = policy(me)
    every = [services.jobs.get(job.id) for job in (*jobs, edited, ended)]
    allowed = [job for job in every if job.waits_for_approval and not ana.refusal(JobAction.APPROVE, job)]
    assert {job.id for job in allowed} == {jobs[0].id, jobs[4].id}
    assert list(services.approvals.of(ana)) == allowed
    assert services.approvals.count(ana) == 2
    own = replace(ana, self_approvable_types=frozenset({"payment"}))
    assert services.approvals.count(own) == 5


def test_approvers_of_nothing_send_no_statement(services: Services, ask: Ask) -> None:
    ask()
    nobody = JobPolicy(user_id=uuid4())
    with recorded(services.engine) as sent:
        assert services.approvals.of(nobody) == ()
        assert services.approvals.count(nobody) == 0
    assert sent == []


def test_the_list_stays_in_the_tenant(services: Services, ask: Ask) -> None:
    ask()
    services.jobs.create_job("payment", {"amount": 900}, owner=Owner(user_id=uuid4(), tenant="north"))
    counts = [services.approvals.count(found) for found in (policy(), policy(tenant="north"), policy(tenant="south"))]
    assert counts == [2, 1, 0], "whoever sees all and has no tenant runs the installation"


def test_the_list_is_read_from_its_index(services: Services, ask: Ask, make: Callable[..., Job]) -> None:
    ask(), make()
    with recorded(services.engine) as sent:
        services.approvals.of(policy())
    [(statement, parameters)] = sent
    assert "ix_jobs_approval" in plan_of(services.engine, statement, parameters, as_if_large=True)
