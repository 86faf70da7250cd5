"""Stores notification rules. Their addresses and signing keys are encrypted and never shown again."""

from typing import Any
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import Connection, Engine, RowMapping, delete, func, insert, select, update
from uuid_utils.compat import uuid7

from webapp.db.engine import reading, writing
from webapp.jobs.definition.payload import Vault
from webapp.jobs.metrics.cursors import move_cursor, upsert
from webapp.notifications.channels.webhook import new_signing_key
from webapp.notifications.rule import Channel, InvalidRule, NotificationRule, RuleDraft, RuleTarget, Topic, Whose
from webapp.notifications.rule_form import shown_address
from webapp.schema import cursors, database_time, events, notification_rules, now

CURSOR = "notifications"
MOST_RULES = 50  # of one user, and of the installation
_PLAIN = ("name", "whose", "owner_id", "type", "queue", "tag", "seconds", "due_time", "quiet_from", "quiet_until")
_CONVERTED = frozenset({"topics", "channel", "whose", "recipients"})
_rules = notification_rules


class RuleNotFound(Exception):
    """Raised when a rule does not exist."""

    def __init__(self, rule_id: object) -> None:
        """Name the rule."""
        super().__init__(f"There is no notification rule {rule_id}.")


class NotificationRules:
    """The rules of one database. Drafts must have been checked by `RuleForm.checked`."""

    def __init__(self, engine: Engine, vault: Vault) -> None:
        self.engine = engine
        self._vault = vault

    def add(self, draft: RuleDraft, *, user_id: UUID | None, by: UUID | None = None) -> tuple[NotificationRule, str]:
        """Create a rule of a user, or of the installation; return it and the signing key of a webhook.

        Raises `InvalidRule` if there are `MOST_RULES` already.
        """
        key = new_signing_key() if draft.channel == Channel.WEBHOOK else ""
        values = {
            **_values(draft),
            **self._address(draft),
            "id": uuid7(),
            "user_id": user_id,
            "created_by": by,
            "signing_key": self._encrypted(key),
        }
        with writing(self.engine) as connection:
            _refuse_more(connection, user_id)
            _skip_old_events(connection)
            connection.execute(insert(_rules).values(**values, created_at=now()))
        return self.get(values["id"]), key

    def change(self, rule_id: UUID, draft: RuleDraft) -> NotificationRule:
        """Change a rule. Its channel stays; an empty address keeps the old one."""
        values = {**_values(draft), **(self._address(draft) if draft.address else {})}
        values.pop("channel")
        self._update(rule_id, values)
        return self.get(rule_id)

    def set_enabled(self, rule_id: UUID, *, enabled: bool) -> NotificationRule:
        """Switch a rule on or off. What happens meanwhile is not reported later."""
        self._update(rule_id, {"enabled": enabled})
        return self.get(rule_id)

    def delete(self, rule_id: UUID) -> None:
        """Delete a rule. Its sent messages stay in the log; its collected events are not sent."""
        with writing(self.engine) as connection:
            connection.execute(delete(_rules).where(_rules.c.id == rule_id))

    def get(self, rule_id: UUID) -> NotificationRule:
        """Return a rule; raise `RuleNotFound`."""
        if found := self._all(_rules.c.id == rule_id):
            return found[0]
        raise RuleNotFound(rule_id)

    def of_user(self, user_id: UUID | None) -> tuple[NotificationRule, ...]:
        """Return the rules of a user, or those of the installation, by name."""
        return self._all(_rules.c.user_id == user_id)

    def enabled(self) -> tuple[NotificationRule, ...]:
        """Return every rule that is switched on."""
        return self._all(_rules.c.enabled)

    def target(self, rule_id: UUID) -> RuleTarget:
        """Return the secrets of a rule; raise `RuleNotFound` or `UnreadableSecret`."""
        with reading(self.engine) as connection:
            row = connection.execute(
                select(_rules.c.address, _rules.c.signing_key).where(_rules.c.id == rule_id)
            ).first()
        if row is None:
            raise RuleNotFound(rule_id)
        address, key = (self._vault.decrypt(stored) if stored else "" for stored in row)
        return RuleTarget(address=address, signing_key=key)

    def _all(self, *conditions: Any) -> tuple[NotificationRule, ...]:
        query = select(_rules).where(*conditions).order_by(_rules.c.name, _rules.c.id)
        with reading(self.engine) as connection:
            return tuple(map(_rule_from_row, connection.execute(query).mappings()))

    def _update(self, rule_id: UUID, values: dict[str, Any]) -> None:
        with writing(self.engine) as connection:
            if values.get("enabled"):
                _skip_old_events(connection)
            if not connection.execute(update(_rules).where(_rules.c.id == rule_id).values(**values)).rowcount:
                raise RuleNotFound(rule_id)

    def _address(self, draft: RuleDraft) -> dict[str, Any]:
        return {"address": self._encrypted(draft.address), "shown_address": shown_address(draft)}

    def _encrypted(self, secret: str) -> dict[str, str] | None:
        return self._vault.encrypt(SecretStr(secret)) if secret else None


def _values(draft: RuleDraft) -> dict[str, Any]:
    return {
        **{name: getattr(draft, name) for name in (*_PLAIN, "zone", "language", "channel")},
        "topics": ",".join(draft.topics),
        "recipients": ",".join(draft.recipients),
    }


def _refuse_more(connection: Connection, user_id: UUID | None) -> None:
    """Raise `InvalidRule` if a user, or the installation, has as many rules as the clock should compare."""
    existing = select(_rules.c.id).where(_rules.c.user_id == user_id).limit(MOST_RULES)
    if len(connection.execute(existing).all()) == MOST_RULES:
        raise InvalidRule({"name": f"There can be at most {MOST_RULES} rules. Delete one first."})


def _skip_old_events(connection: Connection) -> None:
    """Move the cursor to the newest event if no rule has kept it up to date."""
    if connection.execute(select(_rules.c.id).where(_rules.c.enabled).limit(1)).first():
        return
    newest = connection.execute(select(func.max(events.c.id))).scalar() or 0
    upsert(connection, cursors, [{"name": CURSOR, "moved_at": database_time(connection)}])
    move_cursor(connection, CURSOR, event_id=newest)


def _rule_from_row(row: RowMapping) -> NotificationRule:
    """Return the rule of a row."""
    plain = {name: row[name] for name in NotificationRule.__slots__ if name not in _CONVERTED}
    return NotificationRule(
        **plain,
        topics=frozenset(map(Topic, row["topics"].split(","))),
        channel=Channel(row["channel"]),
        whose=Whose(row["whose"]),
        recipients=tuple(filter(None, row["recipients"].split(","))),
    )
