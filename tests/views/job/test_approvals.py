"""Approve and reject on the page: who sees what, who may, and what each mistake says."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import BaseModel, SecretStr
from sqlalchemy import select

from webapp.accounts.user import User
from webapp.db.engine import reading
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.editing.job_edit import JobEdit
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.approval import Approval
from webapp.jobs.model.job import Job, Status
from webapp.schema import audit
from webapp.services import Services

Ask = Callable[..., Job]


class Payment(BaseModel):
    """What is paid."""

    amount: int
    pin: SecretStr = SecretStr("4711")


@pytest.fixture
def ask(services: Services, user: User) -> Ask:
    """Let a user ask for a payment that needs approval."""

    def ask(who: User = user, **rules: Any) -> Job:
        declare = job_type("payment", title="Payment", replaces=True, approval=Approval(**rules))
        services.registry.add(declare(_pay))
        return services.jobs.create_user_job("payment", {"amount": 900}, who.id, triggered_by=who.id)

    return ask


@pytest.fixture
def boss(person: Callable[..., User]) -> User:
    return person("bo", role="operator", full_name="Bo Berg")


def version_in(page: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', page)
    assert found
    return found[1]


def test_an_approver_sees_who_asked_for_what_and_approves(
    client: FlaskClient, client_of: Callable[[User], FlaskClient], services: Services, ask: Ask, boss: User
) -> None:
    job, bosses = ask(), client_of(boss)
    assert "It needs approval before it can start." in client.get(f"/jobs/{job.id}").text
    assert '<a class="table__link" href="/jobs/' + str(job.id) in bosses.get("/approvals").text
    question = bosses.get(f"/jobs/{job.id}/approve").text
    for text in ("Ana Ruiz", "900", "••••••", "dry run"):
        assert text in question
    answer = bosses.post(f"/jobs/{job.id}/approve", data={"version": version_in(question)})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/jobs/{job.id}")
    assert services.jobs.get(job.id).status is Status.QUEUED
    page = client.get(f"/jobs/{job.id}").text
    assert "Bo Berg" in page
    assert 'class="nav-link" href="/approvals"' not in page
    assert "Nothing waits for your approval" in bosses.get("/approvals").text


def test_a_rejection_needs_a_reason_that_the_owner_reads(
    client: FlaskClient, client_of: Callable[[User], FlaskClient], services: Services, ask: Ask, boss: User
) -> None:
    job, bosses = ask(), client_of(boss)
    missing = bosses.post(f"/jobs/{job.id}/reject", data={"reason": " ", "version": job.version})
    assert missing.status_code == 422
    assert "Give a reason." in missing.text
    assert services.jobs.get(job.id) == job
    form = {"reason": "Wrong <b>month</b>", "version": version_in(missing.text)}
    assert bosses.post(f"/jobs/{job.id}/reject", data=form).status_code == 303
    page = client.get(f"/jobs/{job.id}").text
    for text in ("Rejected by Bo Berg. It did not start.", "Wrong &lt;b&gt;month&lt;/b&gt;", "It was not approved."):
        assert text in page
    with reading(services.engine) as connection:
        line = connection.execute(select(audit).where(audit.c.action == "job_reject")).mappings().one()
    assert (line["object_id"], line["after"]) == (str(job.id), {"reason": "Wrong <b>month</b>"})


def test_each_mistake_is_one_sentence_and_writes_nothing(
    client: FlaskClient, client_of: Callable[[User], FlaskClient], services: Services, ask: Ask, boss: User
) -> None:
    job, bosses = ask(), client_of(boss)
    for who, code, sentence in (
        (client, 403, "Only the approvers of this job type can do this."),
        (client_of(services.accounts.get(boss.id)), 409, "Look at its input again before you decide."),
    ):
        answer = who.post(f"/jobs/{job.id}/approve", data={})
        assert answer.status_code == code
        assert sentence in answer.text
    late = bosses.post(f"/jobs/{job.id}/reject", data={"reason": "Too <much>", "version": 7})
    assert (late.status_code, "Too &lt;much&gt;" in late.text) == (409, True)
    assert version_in(late.text) == str(job.version)
    assert services.jobs.get(job.id) == job
    services.jobs.cancel(job.id)
    ended = bosses.post(f"/jobs/{job.id}/approve", data={"version": job.version})
    assert ended.status_code == 409
    assert "was stopped before it was approved." in ended.text


def test_operators_do_not_approve_their_own_jobs_unless_the_type_says_so(
    client_of: Callable[[User], FlaskClient], ask: Ask, boss: User
) -> None:
    bosses = client_of(boss)
    own = ask(boss)
    assert bosses.post(f"/jobs/{own.id}/approve", data={"version": own.version}).status_code == 403
    assert "Somebody else must approve a job that you started, own or edited." in bosses.get(f"/jobs/{own.id}").text
    assert str(own.id) not in bosses.get("/approvals").text
    own = ask(boss, also_self=True)
    assert str(own.id) in bosses.get("/approvals").text
    assert bosses.post(f"/jobs/{own.id}/approve", data={"version": own.version}).status_code == 303


def test_who_edited_the_input_does_not_approve_it_and_an_open_form_is_outdated(
    client_of: Callable[[User], FlaskClient], services: Services, person: Callable[..., User], ask: Ask, boss: User
) -> None:
    job, editor = ask(), person("ed", role="operator", full_name="Ed Ito")
    services.job_editor.edit(job.id, JobEdit(payload={"amount": 9}), by=editor.id)
    outdated = client_of(boss).post(f"/jobs/{job.id}/approve", data={"version": job.version})
    assert outdated.status_code == 409
    current = services.jobs.get(job.id)
    form = {"version": current.version}
    assert client_of(editor).post(f"/jobs/{job.id}/approve", data=form).status_code == 403
    assert "Ed Ito" in client_of(boss).get(f"/jobs/{job.id}/approve").text
    assert client_of(boss).post(f"/jobs/{job.id}/approve", data=form).status_code == 303


def test_a_member_of_the_group_sees_only_what_needs_approval(
    client_of: Callable[[User], FlaskClient], services: Services, person: Callable[..., User], ask: Ask
) -> None:
    member = person("mia")
    group = services.user_groups.add("Finance")
    services.user_groups.add_member(group, member.id)
    job, mias = ask(group="Finance"), client_of(person("other"))
    assert mias.get(f"/jobs/{job.id}").status_code == 404
    assert mias.post(f"/jobs/{job.id}/approve", data={}).status_code == 404
    members = client_of(services.accounts.get(member.id))
    assert "900" in members.get(f"/jobs/{job.id}").text
    assert str(job.id) not in members.get("/jobs").text
    assert str(job.id) in members.get("/approvals").text
    assert members.post(f"/jobs/{job.id}/approve", data={"version": job.version}).status_code == 303
    plain = services.jobs.create_user_job("job_history_export", {"format": "csv"}, member.id)
    assert members.get(f"/jobs/{plain.id}/approve").status_code == 200


def _pay(job: JobContext, payload: Payment) -> None:
    """Pay nothing."""
