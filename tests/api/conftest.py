"""Programs of every kind of user, and objects on which operations act."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from pydantic import BaseModel, SecretStr
from sqlalchemy import insert
from werkzeug.test import TestResponse

from tests.asked_jobs import asked_job
from tests.views.browsing import change  # noqa: F401  (a fixture)
from tests.views.conftest import attach, put, write_log  # noqa: F401  (fixtures)
from tests.views.page.conftest import people, sheet  # noqa: F401  (people is a fixture)
from webapp.accounts.bookmarks.form_presets import FormPreset
from webapp.accounts.groups.user_group import UserGroup
from webapp.accounts.tokens import Scope, scopes_for
from webapp.accounts.user import Role, User
from webapp.db.engine import writing
from webapp.inbound.webhook import WebhookDraft
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.by_hand.dry_run import DryRunLine
from webapp.jobs.execution.by_hand.dry_run_process import DryRunResult
from webapp.jobs.execution.context import JobContext
from webapp.jobs.execution.leases import Holder
from webapp.jobs.execution.worker_heartbeat import WorkerHeartbeat
from webapp.jobs.flows.flow import Flow
from webapp.jobs.maintenance.key_rotation import KeyRotation
from webapp.jobs.model.approval import Approval
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.questions.question import Question, user_key
from webapp.jobs.schedules.draft import ScheduleDraft
from webapp.schema import error_groups, now
from webapp.services import Services
from webapp.views.page.problem_details import API_ROOT


class Sheet(BaseModel):
    """The payload of `sheet` and `guarded`."""

    format: str


@job_type("guarded", title="Guarded", approval=Approval())
def guarded(job: JobContext, payload: Sheet) -> None:
    """Do nothing."""


@dataclass
class Program:
    """A program with a token."""

    app: Flask
    user: User
    text: str
    name: str

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        """Send a request; ``path`` is below the root of the API, or an address that an answer named."""
        address = path if path.startswith(API_ROOT) else API_ROOT + path
        headers = {"Authorization": f"Bearer {self.text}", **options.pop("headers", {})}
        return self.app.test_client().open(address, method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.call("POST", path, **({"json": body} if body is not None else {}), **options)


@pytest.fixture
def program_of(app: Flask, services: Services) -> Callable[..., Program]:
    """Give a user a token; with all scopes of their role unless ``scopes`` are given."""

    def make(user: User, *scopes: Scope) -> Program:
        name = f"program of {user.name} {uuid4().hex[:6]}"
        _token, text = services.tokens.add(user, name, scopes or scopes_for(user))
        return Program(app, user, text, name)

    app.config["PROPAGATE_EXCEPTIONS"] = False
    return make


@pytest.fixture
def program(program_of: Callable[..., Program], user: User) -> Program:
    return program_of(user)


@pytest.fixture
def admins_program(program_of: Callable[..., Program], admin: User) -> Program:
    return program_of(admin)


@dataclass
class Objects:
    """What operations act on; each access makes a new one."""

    services: Services
    owner: User
    put: Callable[..., Job]
    attach: Callable[..., Any]
    person: Callable[..., User]
    made: list[Any] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)
    write_log: Callable[..., None] = lambda *_: None

    def job(self, status: Status = Status.COMPLETED, **values: Any) -> Job:
        known = {"type": "sheet", "payload": {"format": "csv"}, "owner": Owner(user_id=self.owner.id), **values}
        return self.put(status, **known)

    def to_approve(self, **values: Any) -> Job:
        """Return a job that waits for the approval of an operator."""
        ends_at = datetime.now(UTC) + timedelta(days=7)
        return self.job(Status.HELD, type="guarded", approval="pending", approval_ends_at=ends_at, **values)

    def flow(self) -> Flow:
        """Return a flow that is started: “b” follows “a”."""
        flow = Flow("Two jobs")
        for name in "ab":
            flow.spawn("sheet", {"format": "csv"}, name=name, run_at=datetime(2099, 1, 1, tzinfo=UTC))
        flow.jobs[1].after("a")
        self.services.jobs.start_flow(flow, owner=Owner(user_id=self.owner.id), triggered_by=self.owner.id)
        return flow

    def stopped_flow(self) -> Flow:
        """Return a flow whose jobs were stopped."""
        flow = self.flow()
        self.services.jobs.cancel_many([job.id for job in flow.jobs if job.id])
        return flow

    def question(self) -> Question:
        """Return a question of a job to its owner."""
        return asked_job(self.services, asked_of=user_key(self.owner.id), owner=self.owner.id)[1]

    def system_job(self, *, public: bool) -> Job:
        return self.job(owner=Owner(public=public))

    def file(self) -> tuple[Job, UUID]:
        job = self.job()
        return job, self.attach(job, "report.csv").id

    def worker(self) -> str:
        name = uuid4().hex
        holder = Holder(host="h", boot_id="b", worker=name, pid=1)
        WorkerHeartbeat(self.services.engine, holder, ["default"], "1").poll()
        return name

    def hanging_job(self) -> Job:
        """Return a job that runs under a worker."""
        holder = Holder(host="h", boot_id="b", worker=self.worker(), pid=1)
        lease_id = self.services.leases.open(holder, "default")
        return self.job(Status.RUNNING, lease_id=lease_id, attempt=1)

    def error(self) -> str:
        known = {"fingerprint": uuid4().hex[:16], "type": "maintenance", "sample_job_id": self.job().id}
        with writing(self.services.engine) as connection:
            times = {"first_seen_at": now(), "last_seen_at": now()}
            connection.execute(insert(error_groups).values(**known, **times, message="It broke.", count=1))
        return str(known["fingerprint"])

    def schedule(self) -> UUID:
        draft = ScheduleDraft(name=uuid4().hex, rule="0 3 * * *", zone="UTC")
        return self.services.schedules.add("maintenance", {}, draft).id

    def user(self) -> UUID:
        return self.person(uuid4().hex).id

    def group(self) -> UserGroup:
        return self.services.user_groups.add(uuid4().hex)

    def service_account(self) -> str:
        return self.services.accounts.add_service(uuid4().hex, role=Role.USER).name

    def token(self) -> UUID:
        return self.services.tokens.add(self.owner, uuid4().hex, [Scope.READ])[0].id

    def saved_filter(self) -> UUID:
        arguments, filters = {"tab": "failed"}, self.services.saved_filters
        return filters.save(self.owner, uuid4().hex, arguments, shared=True, of_all_users=False).id

    def preset(self) -> FormPreset:
        presets = self.services.form_presets
        return presets.save(self.owner, "job_history_export", uuid4().hex, {"format": "csv"}, shared=True)

    def named_filter(self) -> str:
        filter_id, filters = self.saved_filter(), self.services.saved_filters
        return filters.get(self.owner, filter_id).name

    def webhook(self) -> UUID:
        draft = WebhookDraft(name=uuid4().hex, type="job_history_export", account=self.service_account())
        return self.services.webhooks.add(draft)[0].id

    def accept_an_old_key(self) -> None:
        settings = self.services.settings.model_copy(update={"secret_key_old": SecretStr("o" * 40)})
        self.services.key_rotation = KeyRotation(self.services.engine, self.services.vault, settings)

    def refused_message(self, body: str = '{"form": "at"}') -> tuple[UUID, int]:
        webhook_id, messages = self.webhook(), self.services.webhook_messages
        return webhook_id, messages.add(webhook_id, body.encode(), {}, size=14, status=422)

    def name(self) -> str:
        return uuid4().hex

    def queue(self) -> str:
        return self.services.queues.add(uuid4().hex).name


@pytest.fixture
def objects(
    services: Services,
    people: dict[str, User],  # noqa: F811
    put: Callable[..., Job],  # noqa: F811
    attach: Callable[..., Any],  # noqa: F811
    person: Callable[..., User],
    monkeypatch: pytest.MonkeyPatch,
) -> Objects:
    services.registry.add(sheet)
    services.registry.add(guarded)
    shown = DryRunResult(lines=(DryRunLine("info", "Hello"),), completes=True, sentence="It would complete.")
    monkeypatch.setattr(services.dry_run_processes, "run", lambda _job: shown)  # the real one starts a process
    return Objects(services, people["owner"], put, attach, person)


def errors_of(response: TestResponse) -> dict[str, str]:
    """Return the errors of a problem document, by pointer or parameter."""
    assert response.mimetype == "application/problem+json", response.text
    return {
        each.get("pointer", each.get("parameter", "")): each["detail"] for each in json.loads(response.text)["errors"]
    }
