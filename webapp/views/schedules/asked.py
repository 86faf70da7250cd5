"""What a form asks of a schedule beside the payload: as it was typed, and as a draft."""

from collections.abc import Mapping
from dataclasses import dataclass

from webapp.jobs.job import Owner
from webapp.jobs.job_type import JobType
from webapp.jobs.schedules.draft import BadSchedule, Draft
from webapp.jobs.schedules.plan import Missed
from webapp.jobs.schedules.schedule import Schedule
from webapp.views.current import services
from webapp.views.texts import gettext as _
from webapp.views.written import translated

USUAL_RULE = "0 2 * * *"
PUBLIC, PRIVATE, PERSON = "public", "private", "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """All answers as text; ``whose`` is one of `PUBLIC`, `PRIVATE` and `PERSON`, whose name is ``person``."""

    name: str = ""
    rule: str = USUAL_RULE
    zone: str = "UTC"
    missed: str = Missed.ONCE.value
    one_at_a_time: bool = False
    whose: str = PUBLIC
    person: str = ""
    queue: str = ""
    priority: str = ""

    @classmethod
    def typed(cls, form: Mapping[str, str]) -> "Asked":
        """Read what was sent."""
        names = ("name", "rule", "zone", "missed", "whose", "person", "queue", "priority")
        given = {name: form.get(f"schedule-{name}", "").strip() for name in names}
        return cls(**given, one_at_a_time="schedule-one_at_a_time" in form)

    @classmethod
    def of(cls, schedule: Schedule) -> "Asked":
        """Show a schedule as it is."""
        owner = schedule.owner
        person = services().accounts.get(owner.user_id) if owner.user_id else None
        return cls(
            name=schedule.name,
            rule=schedule.rule.text,
            zone=schedule.rule.zone,
            missed=schedule.missed.value,
            one_at_a_time=schedule.one_at_a_time,
            whose=PERSON if owner.user_id else PUBLIC if owner.public else PRIVATE,
            person=person.name if person else "",
            queue=schedule.queue or "",
            priority="" if schedule.priority is None else str(schedule.priority),
        )

    def draft(self, kind: JobType) -> tuple[Draft, dict[str, str]]:
        """Return what is asked for, and one sentence for each answer that is wrong."""
        errors: dict[str, str] = {}
        draft = Draft(
            name=self.name,
            rule=self.rule,
            zone=self.zone,
            missed=self.missed,
            one_at_a_time=self.one_at_a_time,
            queue=self.queue or None,
            priority=self._priority(errors),
            owner=self._owner(kind, errors),
        )
        try:
            services().schedules.check(draft)
        except BadSchedule as error:
            errors |= {name: translated(said) for name, said in error.errors.items()}
        return draft, errors

    def _priority(self, errors: dict[str, str]) -> int | None:
        if not self.priority:
            return None
        if not (self.priority.isascii() and self.priority.isdigit() and len(self.priority) < len("10000000")):
            errors["priority"] = _("A priority is a number from 0 to 10,000; higher goes first.")
            return None
        return int(self.priority)

    def _owner(self, kind: JobType, errors: dict[str, str]) -> Owner:
        if self.whose != PERSON:
            return Owner(public=self.whose != PRIVATE)
        found = services().accounts.by_name(self.person)
        if found is None or not found.active:
            errors["person"] = _("There is no active account of that name.")
        elif not kind.may_be_started_by(found.role):
            errors["person"] = _("%(name)s may not start jobs of this kind.", name=found.name)
        else:
            return Owner(user_id=found.id, tenant=found.tenant)
        return Owner()
