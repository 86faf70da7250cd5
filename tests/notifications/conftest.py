"""A real mail server, a real receiver of webhooks, and rules that send to them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from pydantic import BaseModel, SecretStr
from sqlalchemy import update

from tests.receivers import LOOPBACK, Inbox, Receiver, mail_server_of, webhook_receiver
from tests.views.conftest import put  # noqa: F401  (a fixture)
from webapp.accounts.user import User
from webapp.config import Settings
from webapp.db.engine import writing
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.maintenance.clock_chores import promote_due
from webapp.jobs.metrics import cursors
from webapp.jobs.model.job import Job
from webapp.notifications.delivery_log import Delivery
from webapp.notifications.rule import DELIVERY_QUEUE, NotificationRule, RuleDraft
from webapp.notifications.rule_form import RuleForm
from webapp.schema import jobs, notification_deliveries, notification_rules
from webapp.services import Services


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def mail_server(inbox: Inbox) -> Iterator[Controller]:
    with mail_server_of(inbox) as controller:
        yield controller


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as kept:
        yield kept


@pytest.fixture
def settings(settings: Settings, mail_server: Controller) -> Settings:
    return settings.model_copy(
        update={
            "smtp_url": f"smtp://{LOOPBACK}:{mail_server.port}",
            "public_url": "https://jobs.example.org/office",
            "notify_networks": LOOPBACK,
        }
    )


class Letter(BaseModel):
    """A payload with a secret."""

    fails: str = ""
    password: SecretStr = SecretStr("open sesame")


@job_type("letter", title="Letter")
def letter(job: Any, payload: Letter) -> None:
    """Write a letter, or fail and say why."""
    if payload.fails:
        raise RuntimeError(payload.fails.replace("PASSWORD", payload.password.get_secret_value()))
    job.attach("letter.txt", "Dear Ana")


@dataclass
class Office:
    """An installation in which people write letters."""

    services: Services
    run_jobs: Callable[..., int]

    def rule(self, user: User | None, *topics: str, **values: Any) -> NotificationRule:
        """Add a rule; by default one that sends mail."""
        return self.rule_and_key(user, *topics, **values)[0]

    def rule_and_key(self, user: User | None, *topics: str, **values: Any) -> tuple[NotificationRule, str]:
        known = {"name": "My rule", "topics": topics, "channel": "mail", **values}
        draft = self.form(user).checked(RuleDraft(**known))
        return self.services.notification_rules.add(draft, user_id=user.id if user else None)

    def form(self, user: User | None) -> RuleForm:
        return self.services.rule_form(user)

    def write(self, user: User | None, **payload: Any) -> Job:
        """Run a letter job of a user, or of the system."""
        create = self.services.jobs
        job = (
            create.create_user_job("letter", payload, user.id) if user else create.create_system_job("letter", payload)
        )
        self.run_jobs()
        return create.get(job.id)

    def send(self) -> int:
        """Let the clock look once, and deliver what it found; return how many jobs that took."""
        self.services.notification_watch.run()
        return self.run_jobs(DELIVERY_QUEUE)

    def log(self) -> tuple[Delivery, ...]:
        return self.services.delivery_log.all()

    def make_due(self) -> None:
        """Let the time of a burst and of delays pass."""
        with writing(self.services.engine) as connection:
            connection.execute(update(notification_rules).values(last_sent_at=None))
            connection.execute(update(notification_deliveries).values(due_at=notification_deliveries.c.created_at))
            connection.execute(update(jobs).where(jobs.c.status == "scheduled").values(run_at=jobs.c.created_at))
        promote_due(self.services.engine)

    def change(self, table: Any, row_id: UUID, **values: Any) -> None:
        with writing(self.services.engine) as connection:
            connection.execute(update(table).where(table.c.id == row_id).values(**values))


@pytest.fixture
def office(services: Services, run_jobs: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr(cursors, "CAUTION_SECONDS", 0.0)  # no other transaction writes events
    services.registry.add(letter)
    return Office(services, run_jobs)
