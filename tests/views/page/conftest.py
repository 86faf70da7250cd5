"""Users of every kind, and the address of every route, with objects to which it leads."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from pydantic import BaseModel
from sqlalchemy import insert

from tests.asked_jobs import asked_job
from webapp.accounts.groups.user_group import UserGroup
from webapp.accounts.user import User
from webapp.db.engine import writing
from webapp.inbound.webhook import WebhookDraft
from webapp.jobs.budgets.budget import MonthlyBudget, of_user
from webapp.jobs.budgets.service import Budgets
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.leases import Holder
from webapp.jobs.execution.worker_heartbeat import WorkerHeartbeat
from webapp.jobs.flows.flow import Flow
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.questions.question import user_key
from webapp.jobs.schedules.draft import ScheduleDraft
from webapp.jobs.store import step_rows
from webapp.jobs.store.attachments import Attachment
from webapp.jobs.store.step_rows import Step
from webapp.notifications.rule import NotificationRule, RuleDraft
from webapp.schema import error_groups, now
from webapp.services import Services

_DETAILS: dict[str, dict[str, Any]] = {
    "other": {},
    "owner": {"full_name": "Olive Owner"},
    "tenant": {"role": "admin", "tenant": "north"},
    "auditor": {"role": "auditor"},
    "operator": {"role": "operator"},
    "admin": {"role": "admin"},
    "disabled": {},
}


@pytest.fixture
def people(person: Callable[..., User]) -> dict[str, User]:
    return {name: person(name, **details) for name, details in _DETAILS.items()}


class Sheet(BaseModel):
    """A payload with a parameter that has a page."""

    format: str = "csv"


@job_type("sheet", title="Sheet")
def sheet(job: Any, payload: Sheet) -> None:
    """Be open to everyone who sees all jobs."""


def add_webhook_rule(services: Services, owner: User | None) -> NotificationRule:
    """Add a rule of a user, or of the installation."""
    draft = RuleDraft(name=uuid4().hex, topics=("failed",), channel="webhook", address="https://example.org/hook")
    checked = services.rule_form(owner).checked(draft)
    return services.notification_rules.add(checked, user_id=owner.id if owner else None)[0]


@pytest.fixture
def address_of(
    app: Flask,
    services: Services,
    people: dict[str, User],
    person: Callable[..., User],
    put: Callable[..., Job],
    attach: Callable[..., Attachment],
) -> Callable[[str, str], str]:
    """Build the address of a route. Reads share one job; each change gets a new one, as it can delete it."""
    services.registry.add(sheet)
    services.accounts.add_service("robot")

    def job(status: Status = Status.COMPLETED) -> Job:
        given = {"format": "csv"}
        return put(status, type="sheet", payload=given, owner=Owner(user_id=people["owner"].id))

    def worker() -> str:
        name = uuid4().hex
        WorkerHeartbeat(services.engine, Holder(host="h", boot_id="b", worker=name, pid=1), ["default"], "1").poll()
        return name

    def error() -> str:
        known = {
            "fingerprint": uuid4().hex[:16],
            "type": "maintenance",
            "message": "It broke.",
            "sample_job_id": job().id,
        }
        with writing(services.engine) as connection:
            connection.execute(insert(error_groups).values(**known, count=1, first_seen_at=now(), last_seen_at=now()))
        return known["fingerprint"]

    def notification_rule(endpoint: str) -> UUID:
        owner = people["owner"] if endpoint.startswith("my_") else None
        return add_webhook_rule(services, owner).id

    def delivery(endpoint: str) -> UUID:
        owner = people["owner"] if endpoint.startswith("my_") else None
        delivery_id = services.delivery_log.add_test(add_webhook_rule(services, owner))
        services.delivery_log.record_failure(delivery_id, "It did not arrive.", final=True)
        return delivery_id

    named = {
        "parameters": lambda: "format",
        "queues": lambda: "default",
        "queues.remove": lambda: services.queues.add(uuid4().hex).name,
        "types": lambda: "maintenance",
        "workers": worker,
    }

    job_to_read = cache(job)
    jobs_of = {
        "stack.take": lambda: _hanging_job(services, put, worker(), people["owner"]),
        "steps.run": lambda: add_step(services, job()),
        "edit_job.show": lambda: job(Status.QUEUED),
        "edit_job.save": lambda: job(Status.QUEUED),
    }

    owner = people["owner"].id

    def address(endpoint: str, method: str) -> str:
        [rule] = list(app.url_map.iter_rules(endpoint))[:1]
        made, values = jobs_of.get(endpoint, job_to_read if method == "GET" else job)(), {}
        webhook = cache(partial(add_webhook, services))
        group = cache(lambda: services.user_groups.add(uuid4().hex))
        for argument in rule.arguments:
            values[argument] = {
                "job_id": lambda: made.id,
                "question_id": lambda: asked_job(services, asked_of=user_key(owner), owner=owner)[1].id,
                "file_id": lambda: attach(made, "report.csv").id,
                "type_name": lambda: "job_history_export",
                "user_id": lambda: add_member(services, group(), person(uuid4().hex)),
                "group_id": lambda: group().id,
                "name": named.get(endpoint) or named.get(endpoint.partition(".")[0]),
                "filename": lambda: "live.js",
                "verb": lambda: "stop" if endpoint.startswith("flows.") else "keep",
                "flow_id": lambda: _start_flow(services, people["owner"]),
                "part": lambda: "database",
                "action": lambda: "stop",
                "fingerprint": error,
                "state": lambda: "resolved",
                "subject": lambda: add_limits(services, people["other"]),
                "session_id": lambda: uuid4().hex,
                "notice_id": lambda: 7,
                "token_id": lambda: services.tokens.add(people["owner"], uuid4().hex, ["read"])[0].id,
                "rule_id": lambda: notification_rule(endpoint),
                "delivery_id": lambda: delivery(endpoint),
                "filter_id": lambda: _add_filter(services, people["owner"]),
                "preset_id": lambda: _add_preset(services, people["owner"]),
                "webhook_id": webhook,
                "message_id": lambda: add_refused_message(services, webhook()),
                "schedule_id": lambda: _add_schedule(services, people["owner"], endpoint),
            }[argument]()
        with app.test_request_context():
            return app.url_for(endpoint, **values)

    return address


def add_step(services: Services, job: Job, name: str = "fetch", place: int = 1, result: Any = None) -> Job:
    at = datetime.now(UTC)
    step = Step(name=name, place=place, attempt=1, started_at=at, finished_at=at, result=result)
    with writing(services.engine) as connection:
        step_rows.insert(connection, job.id, step)
    return job


def add_member(services: Services, group: UserGroup, user: User) -> UUID:
    services.user_groups.add_member(group, user.id)
    return user.id


def _add_schedule(services: Services, owner: User, endpoint: str) -> UUID:
    draft = ScheduleDraft(name=uuid4().hex, rule="0 3 * * *", zone="UTC")
    if endpoint.startswith("my_"):
        own = replace(draft, owner=Owner(user_id=owner.id))
        made = services.schedules.add("job_history_export", {"format": "csv"}, own)
    else:
        made = services.schedules.add("maintenance", {}, draft)  # which operators may run for the system
    if endpoint.endswith(".resume"):
        services.schedules.pause(made, reason="because")
    return made.id


def _start_flow(services: Services, owner: User) -> UUID:
    flow = Flow("One job")
    flow.spawn("sheet", {"format": "csv"}, run_at=datetime(2099, 1, 1, tzinfo=UTC))
    return services.jobs.start_flow(flow, owner=Owner(user_id=owner.id), triggered_by=owner.id)


def add_limits(services: Services, user: User) -> str:
    """Turn budgets on, and set limits of a user; return the subject."""
    services.budgets = Budgets(services.engine, MonthlyBudget(), ZoneInfo("UTC"))
    services.budgets.set_limits(of_user(user.id), MonthlyBudget(jobs=1000))
    return of_user(user.id)


def _add_filter(services: Services, owner: User) -> UUID:
    return services.saved_filters.save(owner, uuid4().hex, {"tab": "failed"}, shared=True, of_all_users=False).id


def _hanging_job(services: Services, put: Callable[..., Job], worker: str, owner: User) -> Job:
    lease_id = services.leases.open(Holder(host="h", boot_id="b", worker=worker, pid=1), "default")
    known = {"type": "sheet", "payload": {"format": "csv"}, "owner": Owner(user_id=owner.id)}
    return put(Status.RUNNING, attempt=1, lease_id=lease_id, **known)


def _add_preset(services: Services, owner: User) -> UUID:
    values = {"format": "csv"}
    return services.form_presets.save(owner, "job_history_export", uuid4().hex, values, shared=True).id


def add_webhook(services: Services) -> UUID:
    draft = WebhookDraft(name=uuid4().hex, type="job_history_export", account="robot")
    return services.webhooks.add(draft)[0].id


def add_refused_message(services: Services, webhook_id: UUID) -> int:
    return services.webhook_messages.add(webhook_id, b'{"form": "at"}', {}, size=14, status=422)
