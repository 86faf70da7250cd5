"""The log of the messages of each webhook, with responses. Bodies of authentic messages are kept, encrypted."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import Engine, and_, delete, func, insert, null, or_, select, update

from webapp.db.engine import reading, writing
from webapp.jobs.definition.payload import UnreadableSecret, Vault
from webapp.schema import later, now, webhook_messages

KEPT = 1000  # authentic messages of each webhook, and as many others
_KEPT_SECONDS = 30 * 86_400
_DETAIL_LIMIT = 1000
_SECRET_NAME = re.compile(r"(?i)token|secret|passw|api_?key|authorization|signature|credential|cookie")
_SHOWN_LIMIT = 20_000  # characters
HIDDEN = "***"
NOT_RETRIABLE = "Only an authentic message that started no job can be retried."
_FIELDS = ("id", "webhook_id", "at", "message_id", "address", "request_id", "size", "status", "detail", "job_id")


class WebhookMessageNotFound(Exception):
    """Raised when the message does not exist."""

    def __init__(self, message_id: int) -> None:
        """Create the message for this one."""
        super().__init__(f"There is no message {message_id} of this webhook.")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookMessage:
    """A received message. ``status`` is that of the response; ``can_retry`` if its body is kept."""

    id: int
    webhook_id: UUID
    at: datetime
    message_id: str
    address: str
    request_id: str
    size: int
    status: int
    detail: str
    job_id: UUID | None
    tried_again_at: datetime | None
    can_retry: bool

    @property
    def was_accepted(self) -> bool:
        """Whether a job was started, or had been started by the same message before."""
        return self.job_id is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMessage:
    """The body of an authentic message, the headers that its mapping reads, and the key of its repetitions."""

    body: bytes
    headers: Mapping[str, str]
    key: str


class WebhookMessages:
    """The messages of all webhooks."""

    def __init__(self, engine: Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    def add(
        self, webhook_id: UUID, body: bytes | None, headers: Mapping[str, str], *, detail: str = "", **values: Any
    ) -> int:
        """Write a line, and delete the oldest ones of this webhook.

        ``body`` is that of an authentic message, ``headers`` those that its mapping reads. What is not authentic
        replaces only lines of its kind, so that nobody can drive out messages without their secret.
        """
        stored: Any = null()  # without it, the JSON column would have the JSON value null
        if body is not None:
            kept = {"body": body.decode(errors="replace"), "headers": dict(headers)}
            stored = self._vault.encrypt(SecretStr(json.dumps(kept)))
        same_kind = webhook_messages.c.body.is_(None) if body is None else webhook_messages.c.body.is_not(None)
        mine = and_(webhook_messages.c.webhook_id == webhook_id, same_kind)
        excess = select(webhook_messages.c.id).where(mine).order_by(webhook_messages.c.id.desc()).offset(KEPT).limit(1)
        with writing(self._engine) as connection:
            added: int = connection.execute(
                insert(webhook_messages)
                .values(**{"at": now(), **values}, webhook_id=webhook_id, body=stored, detail=detail[:_DETAIL_LIMIT])
                .returning(webhook_messages.c.id)
            ).scalar_one()
            old = or_(webhook_messages.c.id <= excess.scalar_subquery(), webhook_messages.c.at < later(-_KEPT_SECONDS))
            connection.execute(delete(webhook_messages).where(mine, old))
        return added

    def of(self, webhook_id: UUID, limit: int = 50, *, before: int | None = None) -> tuple[WebhookMessage, ...]:
        """Return the newest messages of a webhook, or those older than ``before``, the newest first."""
        older = [] if before is None else [webhook_messages.c.id < before]
        return self._find(webhook_messages.c.webhook_id == webhook_id, *older, limit=limit)

    def get(self, webhook_id: UUID, message_id: int) -> WebhookMessage:
        """Return a message of a webhook; raise `WebhookMessageNotFound`."""
        if found := self._find(webhook_messages.c.webhook_id == webhook_id, webhook_messages.c.id == message_id):
            return found[0]
        raise WebhookMessageNotFound(message_id)

    def counts(self) -> Mapping[UUID, tuple[int, int, datetime]]:
        """Return for each webhook how many messages its log has, how many were refused, and when the last one came."""
        refused = func.count().filter(webhook_messages.c.job_id.is_(None))
        counted = select(webhook_messages.c.webhook_id, func.count(), refused, func.max(webhook_messages.c.at))
        with reading(self._engine) as connection:
            rows = connection.execute(counted.group_by(webhook_messages.c.webhook_id))
            return {row[0]: (row[1], row[2], row[3]) for row in rows}

    def body_of(self, received: WebhookMessage) -> KeptMessage | None:
        """Return what is kept of an authentic message; None if there is nothing, or if it cannot be decrypted."""
        query = select(webhook_messages.c.body, webhook_messages.c.key).where(webhook_messages.c.id == received.id)
        with reading(self._engine) as connection:
            row = connection.execute(query).one()
        if row.body is None:
            return None
        try:
            kept = json.loads(self._vault.decrypt(row.body))
        except UnreadableSecret:
            return None
        return KeptMessage(body=kept["body"].encode(), headers=kept["headers"], key=row.key)

    def set_answer(self, message_id: int, *, status: int, detail: str, job_id: UUID | None) -> None:
        """Replace the response after a retry of the message."""
        values = {"status": status, "detail": detail[:_DETAIL_LIMIT], "job_id": job_id, "tried_again_at": now()}
        with writing(self._engine) as connection:
            connection.execute(update(webhook_messages).where(webhook_messages.c.id == message_id).values(**values))

    def shown_body(self, received: WebhookMessage) -> str:
        """Return the body for readers: indented, without values whose names say that they are secret."""
        found = self.body_of(received)
        if found is None:
            return ""
        try:
            text = json.dumps(redacted(json.loads(found.body)), indent=2, ensure_ascii=False)
        except (ValueError, RecursionError):
            return f"{received.size} bytes that are not JSON."
        return text[:_SHOWN_LIMIT]

    def _find(self, *conditions: Any, limit: int = 1) -> tuple[WebhookMessage, ...]:
        can_retry = and_(webhook_messages.c.body.is_not(None), webhook_messages.c.job_id.is_(None)).label("can_retry")
        columns = (*(webhook_messages.c[name] for name in _FIELDS), webhook_messages.c.tried_again_at, can_retry)
        query = select(*columns).where(*conditions).order_by(webhook_messages.c.id.desc()).limit(limit)
        with reading(self._engine) as connection:
            return tuple(WebhookMessage(**row) for row in connection.execute(query).mappings())


def redacted(value: Any) -> Any:
    """Return a JSON value without the values of members whose names say that they are secret."""
    if isinstance(value, dict):
        return {name: HIDDEN if _SECRET_NAME.search(name) else redacted(item) for name, item in value.items()}
    return [redacted(item) for item in value] if isinstance(value, list) else value
