"""Inbound webhooks of another installation, and their messages. The installation checks everything."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from webapp.cli.command_group import BadUsage
from webapp.cli.remote.connection import Connection, RemoteNotFound, RemoteRefusal
from webapp.cli.remote.documents import Record, record_of
from webapp.cli.remote.jobs import PAGE
from webapp.inbound.webhook import InvalidWebhook, WebhookDraft, WebhookNotFound


class RemoteWebhooks:
    """Lists and changes webhooks."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> tuple[Record, ...]:
        """Return all webhooks by name."""
        return tuple(map(record_of, self._connection.items("/webhooks")))

    def find(self, reference: str) -> Record:
        """Return the webhook with this id or name; raise `WebhookNotFound`."""
        found = (webhook for webhook in self.all() if reference in {webhook.name, str(webhook.id)})
        if webhook := next(found, None):
            return webhook
        raise WebhookNotFound(reference)

    def get(self, webhook_id: UUID) -> Record:
        """Return a webhook."""
        return record_of(self._connection.get(f"/webhooks/{webhook_id}"))

    def add(self, draft: WebhookDraft) -> tuple[Record, str]:
        """Create a webhook; return it and its secret. Raises `InvalidWebhook`."""
        try:
            return _with_secret(self._connection.send("POST", "/webhooks", asdict(draft)))
        except RemoteRefusal as error:
            fields = {place.removeprefix("#/"): text for place, text in error.errors.items()}
            raise InvalidWebhook(fields or {"": error.detail}) from None

    def rotate(self, webhook_id: UUID, *, overlap: timedelta) -> str:
        """Replace the secret and return the new one."""
        body = {"overlap_hours": overlap.total_seconds() / 3600}
        return _with_secret(self._connection.send("POST", f"/webhooks/{webhook_id}/rotate", body))[1]

    def set_disabled(self, webhook_id: UUID, *, disabled: bool) -> None:
        """Refuse further messages, or accept them again."""
        self._connection.send("POST", f"/webhooks/{webhook_id}/{'disable' if disabled else 'enable'}")

    def remove(self, webhook_id: UUID) -> None:
        """Delete a webhook with its log."""
        self._connection.send("DELETE", f"/webhooks/{webhook_id}")


class RemoteMessages:
    """Lists the messages of webhooks, and retries them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, webhook_id: UUID, limit: int) -> tuple[Record, ...]:
        """Return the newest messages of a webhook, the newest first."""
        path = f"/webhooks/{webhook_id}/messages"
        return tuple(map(record_of, islice(self._connection.items(path, limit=min(limit, PAGE)), limit)))

    def get(self, webhook_id: UUID, message_id: int) -> Record:
        """Return a message of a webhook; raise `BadUsage`."""
        try:
            return record_of(self._connection.get(f"/webhooks/{webhook_id}/messages/{message_id}"))
        except RemoteNotFound:
            raise BadUsage(f"There is no message {message_id} of this webhook. See `deskjob webhook log`.") from None

    def try_again(self, received: Record) -> Record:
        """Retry a message; return it with its new answer."""
        path = f"/webhooks/{received.webhook_id}/messages/{received.id}/retry"
        return record_of(self._connection.send("POST", path))


def _with_secret(document: Mapping[str, Any]) -> tuple[Record, str]:
    return record_of(document["webhook"]), document["secret"]
