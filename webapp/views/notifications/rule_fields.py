"""The form of a notification rule: its fields as typed, the choices that it offers, and the draft that it makes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self
from uuid import UUID

from werkzeug.datastructures import MultiDict

from webapp.jobs.model.periods import parse_period
from webapp.notifications.rule import Channel, InvalidRule, NotificationRule, RuleDraft, Topic, Whose
from webapp.views.page.request import services
from webapp.views.text.translations import gettext as _

_TEXTS = (
    *(
        "name",
        "channel",
        "whose",
        "owner",
        "type",
        "queue",
        "tag",
        "longer_than",
        "due_time",
        "quiet_from",
        "quiet_until",
    ),
    *("zone", "language", "recipients", "address"),
)
NO_PERIOD = -1  # seconds of a period that cannot be read


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFields:
    """The fields as they are typed."""

    name: str = ""
    topics: tuple[str, ...] = (Topic.FAILED.value,)
    channel: str = ""
    whose: str = Whose.OWN.value
    owner: str = ""
    type: str = ""
    queue: str = ""
    tag: str = ""
    longer_than: str = ""
    due_time: str = ""
    quiet_from: str = ""
    quiet_until: str = ""
    zone: str = ""
    language: str = ""
    recipients: str = ""
    address: str = ""

    @classmethod
    def of(cls, typed: MultiDict[str, str]) -> Self:
        """Read the submitted form."""
        texts = {name: typed.get(name, "").strip() for name in _TEXTS}
        return cls(topics=tuple(typed.getlist("topic")), **texts | {"whose": texts["whose"] or Whose.OWN.value})

    @classmethod
    def of_rule(cls, rule: NotificationRule) -> Self:
        """Show a stored rule, without its secrets."""
        owner = services().accounts.get(rule.owner_id) if rule.owner_id else None
        same = ("name", "type", "queue", "tag", "due_time", "quiet_from", "quiet_until", "zone", "language")
        return cls(
            **{name: getattr(rule, name) for name in same},
            topics=tuple(rule.topics),
            channel=rule.channel.value,
            whose=rule.whose.value,
            owner=owner.name if owner else "",
            longer_than=period_text(rule.seconds),
            recipients=", ".join(rule.recipients),
        )

    def draft(self, channel: str = "") -> RuleDraft:
        """Return what was typed; raise `InvalidRule` for an unknown user. ``channel`` is that of a stored rule."""
        period = parse_period(self.longer_than.replace(" ", "")) if self.longer_than else None
        seconds = int(period.total_seconds()) if period else None
        same = (
            "name",
            "topics",
            "whose",
            "type",
            "queue",
            "tag",
            "due_time",
            "quiet_from",
            "quiet_until",
            "zone",
            "language",
        )
        draft = RuleDraft(
            **{name: getattr(self, name) for name in same},
            channel=channel or self.channel,
            owner_id=self._owner_id(),
            seconds=seconds if period or not self.longer_than else NO_PERIOD,
            recipients=tuple(part for part in self.recipients.replace("\n", ",").split(",") if part.strip()),
            address=self.address,
        )
        return draft if draft.channel == Channel.MAIL else replace(draft, recipients=(), language=self.language)

    def _owner_id(self) -> UUID | None:
        if not self.owner:
            return None
        user = services().accounts.by_name(self.owner)
        if user is None:
            raise InvalidRule({"owner": _("There is no account named %(name)s.", name=self.owner)})
        return user.id


def period_text(seconds: int | None) -> str:
    """Return a period as it is typed: "90s", "30m", "2h"."""
    if not seconds:
        return ""
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def topic_labels() -> Mapping[str, str]:
    """Return what rules can report, in words."""
    return {
        Topic.FINISHED: _("A job is done"),
        Topic.FAILED: _("A job failed, after its last attempt"),
        Topic.RUNS_LONG: _("A job runs too long"),
        Topic.NOT_DONE: _("No job of the type is done by a time of day"),
        Topic.SCHEDULE_MISSED: _("A schedule did not start its job"),
        Topic.QUEUE_WAITS: _("Jobs wait too long in a queue"),
        Topic.NO_WORKER: _("A queue has waiting jobs and no worker"),
        Topic.NEW_ERROR: _("An error happens for the first time"),
        Topic.NEEDS_APPROVAL: _("A job waits for my approval"),
        Topic.NEEDS_ANSWER: _("A job has a question for me"),
    }


def channel_labels() -> Mapping[str, str]:
    """Return the channels in words."""
    return {Channel.MAIL: _("Email"), Channel.WEBHOOK: _("Webhook"), Channel.CHAT: _("Chat")}


def whose_labels() -> Mapping[str, str]:
    """Return whose jobs a rule covers, in words."""
    return {Whose.OWN: _("My jobs"), Whose.ALL: _("All jobs that I can see")}
