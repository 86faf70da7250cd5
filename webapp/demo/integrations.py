"""What other programs use: service accounts with API tokens, notification rules with deliveries, and a webhook.

Nobody knows the text of a token or a secret, because it is thrown away, and addresses end in ``.example``, which no
name server knows. So nothing of it can be used, and nothing leaves the installation.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import insert, update

from webapp.accounts.tokens import Scope
from webapp.accounts.user import Role, User
from webapp.db.engine import writing
from webapp.demo.history import draw_scheduled_job, id_at
from webapp.demo.job_rows import PastJob
from webapp.demo.people import Staff
from webapp.inbound.webhook import Webhook, WebhookDraft
from webapp.jobs.definition.job_type import InvalidPayload
from webapp.jobs.model.job import Status
from webapp.notifications.delivery_log import DeliveryStatus
from webapp.notifications.rule import Channel, NotificationRule, RuleDraft, Topic, Whose
from webapp.schema import api_tokens, notification_deliveries, notification_rules, users, webhooks
from webapp.services import Services

SHOP = "shop"
_TYPE = "job_history_export"
_SINCE = timedelta(days=35)
_MESSAGES, _APART = 14, timedelta(hours=7)
_BAD_SIGNATURE = "The header webhook-signature does not match the body."
_BODY = '{"event": "orders.exported", "format": "csv", "customer": {"id": 4711, "api_key": "k"}}'


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoToken:
    """A token; periods are those since it was used, expired or was revoked."""

    user: str
    name: str
    scopes: tuple[Scope, ...]
    used: timedelta
    expired: timedelta | None = None
    revoked: timedelta | None = None


_TOKENS = (
    DemoToken(user=SHOP, name="shop orders", scopes=(Scope.READ, Scope.START), used=timedelta(minutes=12)),
    DemoToken(user="eva", name="Prometheus", scopes=(Scope.METRICS,), used=timedelta(minutes=1)),
    DemoToken(user="dai", name="deployment", scopes=(Scope.READ, Scope.OPERATE), used=timedelta(days=9),
              revoked=timedelta(days=8)),
    DemoToken(user="ana", name="nightly reports", scopes=(Scope.READ, Scope.START), used=timedelta(hours=11)),
    DemoToken(user="ana", name="old laptop", scopes=(Scope.READ,), used=timedelta(days=20), expired=timedelta(days=4)),
)  # fmt: skip
_RULES: Mapping[str, RuleDraft] = {
    "ana": RuleDraft(name="My failures", topics=(Topic.FAILED,), channel=Channel.WEBHOOK,
                     address="https://hooks.ana.example/deskjob", zone="Europe/Madrid",
                     quiet_from="22:00", quiet_until="07:00"),
    "": RuleDraft(name="Operations", topics=(Topic.SCHEDULE_MISSED, Topic.NO_WORKER), channel=Channel.WEBHOOK,
                  address="https://alerts.operations.example/deskjob", zone="UTC", whose=Whose.ALL),
    "chloe": RuleDraft(name="Reports are done", topics=(Topic.FINISHED,), channel=Channel.MAIL, type="dataset_report",
                       zone="Europe/Paris"),
}  # fmt: skip
_UNREACHABLE = "alerts.operations.example cannot be reached: Name or service not known."


def create_shop(services: Services) -> User:
    """Create the service account of the shop, unless it exists."""
    existing = services.accounts.by_name(SHOP)
    return existing or services.accounts.add_service(SHOP, role=Role.USER, full_name="Web shop")


def draw_orders(services: Services, shop: User, rng: Random) -> tuple[PastJob, ...]:
    """Return the jobs that messages of the shop started, oldest first."""
    newest = services.queries.jobs.now() - timedelta(minutes=50)
    times = [newest - number * _APART for number in reversed(range(_MESSAGES))]
    return tuple(draw_scheduled_job(at, _TYPE, owner_id=shop.id, registry=services.registry, rng=rng) for at in times)


def create_integrations(
    services: Services, staff: Staff, rng: Random, *, past: Sequence[PastJob], orders: Sequence[PastJob]
) -> None:
    """Create everything, once; ``past`` are finished jobs, ``orders`` those that the webhook started."""
    if services.webhooks.all():
        return
    now, shop = services.queries.jobs.now(), create_shop(services)
    with writing(services.engine) as connection:
        connection.execute(update(users).where(users.c.id == shop.id).values(created_at=now - _SINCE))
    for token in _TOKENS:
        _create_token(services, {**staff, SHOP: shop}, token, now)
    _log_messages(services, _create_webhook(services, staff, now), orders)
    rules = {name: _create_rule(services, staff.get(name), draft, now) for name, draft in _RULES.items()}
    rows = [*_failures(rules["ana"], past, staff["ana"]), *_alerts(rules[""], now)]
    deliveries = [{"id": id_at(row["created_at"], rng), **row} for row in rows]
    with writing(services.engine) as connection:
        connection.execute(insert(notification_deliveries), deliveries)


def _create_token(services: Services, people: Staff, demo: DemoToken, now: datetime) -> None:
    token, _text = services.tokens.add(people[demo.user], demo.name, demo.scopes, lasts=timedelta(days=90))
    values = {
        "created_at": now - _SINCE,
        "last_used_at": now - demo.used,
        "last_address": "192.0.2.17",
        "expires_at": now - demo.expired if demo.expired else now - _SINCE + timedelta(days=90),
        "revoked_at": now - demo.revoked if demo.revoked else None,
    }
    with writing(services.engine) as connection:
        connection.execute(update(api_tokens).where(api_tokens.c.id == token.id).values(**values))


def _create_webhook(services: Services, staff: Staff, now: datetime) -> Webhook:
    draft = WebhookDraft(name="Shop orders", type=_TYPE, account=SHOP, mapping={"format": "/format"})
    webhook, _secret = services.webhooks.add(draft, by=staff["admin"].id)
    with writing(services.engine) as connection:
        connection.execute(update(webhooks).where(webhooks.c.id == webhook.id).values(created_at=now - _SINCE))
    return services.webhooks.get(webhook.id)


def _log_messages(services: Services, webhook: Webhook, orders: Sequence[PastJob]) -> None:
    """Log a message for each job, and two that were refused."""
    does_not_fit = _refusal(services)
    for number, job in enumerate(orders):
        if number == _MESSAGES // 2:
            _log_message(services, webhook, number, job.created - _APART / 2, status=422, detail=does_not_fit)
        if number == _MESSAGES - 2:
            _log_message(services, webhook, number, job.created - _APART / 3, status=401, detail=_BAD_SIGNATURE)
        _log_message(services, webhook, number, job.created, status=202, job_id=job.id)


def _log_message(
    services: Services, webhook: Webhook, number: int, at: datetime, *, status: int, **values: Any
) -> None:
    body = _BODY if status != 422 else _BODY.replace("csv", "pdf")  # noqa: PLR2004
    message_id = f"msg_{number:04}{status}"
    services.webhook_messages.add(
        webhook.id,
        None if status == 401 else body.encode(),  # noqa: PLR2004
        {},
        at=at,
        message_id=message_id,
        address="192.0.2.17",
        size=len(body),
        status=status,
        **values,
    )


def _refusal(services: Services) -> str:
    """Return why a message with another format is refused."""
    try:
        services.registry.get(_TYPE).parse({"format": "pdf"}, strict=True)
    except InvalidPayload as error:
        return f"The message does not fit the job type. format: {error.errors['format']}"
    return ""


def _create_rule(services: Services, user: User | None, draft: RuleDraft, now: datetime) -> NotificationRule:
    rule, _key = services.notification_rules.add(draft, user_id=user.id if user else None)
    enabled = draft.channel is not Channel.MAIL  # without a mail server it would only fail
    with writing(services.engine) as connection:
        changed = update(notification_rules).where(notification_rules.c.id == rule.id)
        connection.execute(changed.values(created_at=now - _SINCE, enabled=enabled))
    return services.notification_rules.get(rule.id)


def _failures(rule: NotificationRule, past: Sequence[PastJob], user: User) -> Iterator[dict[str, Any]]:
    """Yield a delivered message for each of the user's latest failed jobs."""
    failed = [job for job in past if job.owner_id == user.id and job.scenario.status is Status.FAILED]
    for job in failed[-6:]:
        title = f"{job.job_type.title}: {job.scenario.file}" if job.scenario.file else job.job_type.title
        about = {"job_id": str(job.id), "title": title, "type": job.job_type.name, "queue": job.job_type.queue}
        fact = {"topic": Topic.FAILED.value, "at": job.ended.isoformat(), **about, "detail": job.scenario.error}
        yield _delivery(rule, fact, job.ended, error="204 No Content")


def _alerts(rule: NotificationRule, now: datetime) -> Iterator[dict[str, Any]]:
    """Yield a message that did not arrive, and two that did."""
    for days, queue, error in ((12.2, "default", ""), (6.4, "reports", _UNREACHABLE), (2.1, "reports", "")):
        at = now - timedelta(days=days)
        fact = {"topic": Topic.NO_WORKER.value, "at": at.isoformat(), "queue": queue, "detail": ""}
        yield _delivery(rule, fact, at, error=error or "200 OK", arrived=not error)


def _delivery(
    rule: NotificationRule, fact: Mapping[str, Any], at: datetime, *, error: str, arrived: bool = True
) -> dict[str, Any]:
    return {
        "rule_id": rule.id,
        "rule_name": rule.name,
        "user_id": rule.user_id,
        "channel": rule.channel,
        "shown_address": rule.shown_address,
        "status": DeliveryStatus.DELIVERED if arrived else DeliveryStatus.FAILED,
        "facts": [dict(fact)],
        "event_count": 1,
        "due_at": at,
        "created_at": at,
        "finished_at": at + (timedelta(seconds=4) if arrived else timedelta(days=3)),
        "attempts": 1 if arrived else 76,
        "error": error,
    }
