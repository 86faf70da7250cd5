"""Schedule drafts: what users set on a schedule, and its validation."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from webapp.jobs.model.job import SYSTEM, Owner
from webapp.jobs.model.tags import InvalidTags, clean_tags
from webapp.jobs.model.value_rules import NOTHING, instance, integer
from webapp.jobs.schedules.cron_rule import CronRule, InvalidCronRule, UnknownTimeZone
from webapp.jobs.schedules.misfires import MisfirePolicy
from webapp.jobs.schedules.schedule import Schedule
from webapp.visible_text import unreadable_character, without_invisible

NAME_LIMIT = 120
QUEUE_LIMIT = 80
PRIORITIES = (0, 10_000)
_TEXT = instance(str, "a text")


class InvalidSchedule(ValueError):
    """Raised when a draft is not valid; ``errors`` maps a field name to one sentence."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        """Join the sentences."""
        self.errors = dict(errors)
        super().__init__(" ".join(self.errors.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleDraft:
    """Everything that users set on a schedule except its job type and payload; not validated yet."""

    name: str
    rule: str
    zone: str
    missed: str = MisfirePolicy.ONCE
    one_at_a_time: bool = False
    queue: str | None = None
    priority: int | None = None
    owner: Owner = SYSTEM
    tags: tuple[str, ...] = ()

    @classmethod
    def from_schedule(cls, schedule: Schedule) -> Self:
        """Return the draft of an existing schedule, to edit it."""
        return cls(
            name=schedule.name,
            rule=schedule.rule.text,
            zone=schedule.rule.zone,
            missed=schedule.missed,
            one_at_a_time=schedule.one_at_a_time,
            queue=schedule.queue,
            priority=schedule.priority,
            owner=schedule.owner,
            tags=schedule.tags,
        )

    @property
    def stored_name(self) -> str:
        """The name without spaces at its ends and invisible characters."""
        return without_invisible(self.name)

    def check(self, queue_exists: Callable[[str], bool]) -> CronRule:
        """Return the parsed rule; raise `InvalidSchedule` with a sentence for each invalid field."""
        for field in ("name", "rule", "zone"):
            if objection := _TEXT.objection(field, getattr(self, field)):
                raise InvalidSchedule({field: objection})
        errors = dict(self._invalid_fields(queue_exists))
        try:
            rule = CronRule.parse(self.rule, self.zone)
        except UnknownTimeZone as error:
            raise InvalidSchedule({**errors, "zone": str(error)}) from None
        except InvalidCronRule as error:
            raise InvalidSchedule({**errors, "rule": str(error)}) from None
        if errors:
            raise InvalidSchedule(errors)
        return rule

    def to_row(self, rule: CronRule) -> dict[str, Any]:
        """Return the columns of its row; call `check` first."""
        return {
            "name": self.stored_name,
            "rule": rule.text,
            "zone": rule.zone,
            "missed": MisfirePolicy(self.missed).value,
            "one_at_a_time": self.one_at_a_time,
            "queue": self.queue or None,
            "priority": self.priority,
            "owner_id": self.owner.user_id,
            "public": self.owner.public,
            "tenant": self.owner.tenant,
            "tags": list(clean_tags(self.tags)) or None,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the draft as plain values, for the audit log."""
        names = ("name", "rule", "zone", "missed", "one_at_a_time", "queue", "priority", "tags")
        return {name: getattr(self, name) for name in names} | {
            "owner": self.owner.user_id,
            "public": self.owner.public,
        }

    def _invalid_fields(self, queue_exists: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
        name = self.stored_name
        if not 0 < len(name) <= NAME_LIMIT or len(name.splitlines()) > 1:
            yield "name", f"A name must be one line of 1 to {NAME_LIMIT} characters."
        elif sign := unreadable_character(name):
            yield "name", f"A name cannot contain the character {sign}."
        if self.missed not in {*MisfirePolicy}:
            yield "missed", f"The policy for missed runs must be one of {', '.join(MisfirePolicy)}."
        if self.queue and (len(self.queue) > QUEUE_LIMIT or not queue_exists(self.queue)):
            yield "queue", f"There is no queue {self.queue[:QUEUE_LIMIT]!r}."
        try:
            clean_tags(self.tags)
        except InvalidTags as error:
            yield "tags", str(error)
        lowest, highest = PRIORITIES
        if not (NOTHING | integer(lowest, highest)).accepts(self.priority):
            yield "priority", f"A priority must be a number from {lowest} to {highest:,}; higher runs first."
