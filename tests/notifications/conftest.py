"""A real mail server, a real receiver of webhooks, and rules that send to them."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from pydantic import BaseModel, SecretStr
from sqlalchemy import update

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

LOOPBACK = "127.0.0.1"


class Inbox:
    """What a mail server has received; ``reply`` is what it says to each recipient or message, if not OK."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.refused: dict[str, str] = {}
        self.reply = ""

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.reply:
            return self.reply
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        self.recipients.append(envelope.rcpt_tos)
        return "250 OK"


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


class AnyPort(Controller):
    """A server at a free port, which it learns from its socket."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def mail_server(inbox: Inbox) -> Iterator[Controller]:
    controller = AnyPort(inbox, hostname=LOOPBACK, port=0, server_hostname="mail.example.org")
    controller.start()
    yield controller
    controller.stop(no_assert=True)


@dataclass
class Receiver:
    """An HTTP server that keeps what is posted to it, and answers with the given status."""

    requests: list[tuple[dict[str, str], str]] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""

    def documents(self) -> list[Any]:
        return [json.loads(body) for _, body in self.requests]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            kept.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(kept.status)
            for name, value in {"Content-Length": "0", **kept.headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    kept.url = f"http://{LOOPBACK}:{server.server_port}/hooks/secret-path"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


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
