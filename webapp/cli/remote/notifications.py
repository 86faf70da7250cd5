"""Notification rules and deliveries of another installation. The installation checks everything."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any
from uuid import UUID

from webapp.accounts.user import User
from webapp.cli.command_group import BadUsage, Failed
from webapp.cli.remote.accounts import RemoteAccounts
from webapp.cli.remote.connection import Connection, RemoteNotFound, RemoteRefusal
from webapp.cli.remote.documents import Record, record_of
from webapp.cli.remote.jobs import PAGE
from webapp.notifications.rule import InvalidRule, RuleDraft

_FIELDS = (
    "whose",
    "type",
    "queue",
    "tag",
    "seconds",
    "due_time",
    "quiet_from",
    "quiet_until",
    "zone",
    "language",
    "address",
)


class RemoteRules:
    """Lists and changes rules: those of the installation, and of the account of the token."""

    def __init__(self, connection: Connection, accounts: RemoteAccounts) -> None:
        self._connection = connection
        self._accounts = accounts

    def of_user(self, user_id: UUID | None) -> tuple[Record, ...]:
        """Return the rules of the account, or of the installation."""
        self.refuse_others(user_id)
        whose = None if user_id else "true"
        return tuple(map(record_of, self._connection.items("/notification-rules", installation=whose)))

    def get(self, rule_id: UUID) -> Record:
        """Return a rule; raise `BadUsage`."""
        try:
            return record_of(self._connection.get(f"/notification-rules/{rule_id}"))
        except RemoteNotFound:
            raise BadUsage(f"There is no notification rule {rule_id}. See `deskjob notifications list`.") from None

    def add(self, draft: RuleDraft, *, user_id: UUID | None) -> tuple[Record, str]:
        """Create a rule; return it and its signing key. Raises `InvalidRule`."""
        self.refuse_others(user_id)
        body = {
            **{name: getattr(draft, name) for name in (*_FIELDS, "name", "channel")},
            "topics": list(draft.topics),
            "recipients": list(draft.recipients),
            "installation": user_id is None,
            "user": self._accounts.name_of(draft.owner_id) if draft.owner_id else "",
        }
        with _rule_refusal():
            document = self._connection.send("POST", "/notification-rules", body)
        key = document.pop("signing_key")
        return record_of(document), key or ""

    def change(self, rule_id: UUID, changes: Mapping[str, Any]) -> Record:
        """Change a rule. What is not among the changes stays. Raises `InvalidRule`."""
        body = {name: value for name, value in changes.items() if name != "owner_id"}
        if "owner_id" in changes:
            body["user"] = self._accounts.name_of(changes["owner_id"]) if changes["owner_id"] else ""
        with _rule_refusal():
            return record_of(self._connection.send("PATCH", f"/notification-rules/{rule_id}", body))

    def set_enabled(self, rule_id: UUID, *, enabled: bool) -> Record:
        """Switch a rule on or off."""
        return record_of(self._connection.send("PATCH", f"/notification-rules/{rule_id}", {"enabled": enabled}))

    def delete(self, rule_id: UUID) -> None:
        """Delete a rule."""
        self._connection.send("DELETE", f"/notification-rules/{rule_id}")

    def refuse_others(self, user_id: UUID | None) -> None:
        """Raise `BadUsage` for a user who is not the account of the token."""
        own = self._accounts.own()
        if user_id not in {None, own.id}:
            raise BadUsage(f"The token acts as {own.name}, so it sees the rules of {own.name} and of the installation.")


class RemoteDeliveries:
    """Lists deliveries, and sends them again. A message is sent as soon as it is added."""

    def __init__(self, connection: Connection, rules: RemoteRules) -> None:
        self._connection = connection
        self._rules = rules

    def all(self, *, status: str = "", limit: int) -> tuple[Record, ...]:
        """Return the newest deliveries of all rules."""
        return self._page(limit, status=status, installation="true")

    def of_user(self, user_id: UUID, *, status: str = "", limit: int) -> tuple[Record, ...]:
        """Return the newest deliveries of the account's own rules."""
        self._rules.refuse_others(user_id)
        return self._page(limit, status=status)

    def get(self, delivery_id: UUID) -> Record:
        """Return a delivery; raise `Failed`."""
        try:
            return record_of(self._connection.get(f"/notification-deliveries/{delivery_id}"))
        except RemoteNotFound:
            raise Failed(f"There is no delivery {delivery_id}.") from None

    def add_test(self, rule: Record) -> UUID:
        """Send a test message; return its id."""
        return UUID(self._connection.send("POST", f"/notification-rules/{rule.id}/test")["id"])

    def queue_again(self, delivery_id: UUID) -> None:
        """Send a message again; raise `Failed`."""
        self._connection.send("POST", f"/notification-deliveries/{delivery_id}/send-again")

    def send(self, _delivery: Record) -> None:
        """Do nothing: the installation has sent it."""

    def _page(self, limit: int, *, status: str, installation: str | None = None) -> tuple[Record, ...]:
        query = {"status": status or None, "installation": installation}
        found = self._connection.items("/notification-deliveries", pages=None, limit=min(limit, PAGE), **query)
        return tuple(map(record_of, islice(found, limit)))


class RemoteRuleForm:
    """Checks nothing: the installation does."""

    def __init__(self, _user: User | None) -> None: ...

    def checked(self, draft: RuleDraft) -> RuleDraft:
        """Return the draft as it is."""
        return draft

    def changed(self, _rule: Record, changes: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the changes alone: the rest of a rule can be masked for the account of the token."""
        return changes


@contextmanager
def _rule_refusal() -> Iterator[None]:
    try:
        yield
    except RemoteRefusal as error:
        raise InvalidRule(error.errors or {"": error.detail}) from None
