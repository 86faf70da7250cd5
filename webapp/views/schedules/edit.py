"""Making and changing a schedule: first its type, then its form, with the next times shown while one types.

What a form asks of a schedule beside the payload: as it was typed, and as a draft.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any
from uuid import UUID

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from uuid_utils.compat import uuid7
from werkzeug.datastructures import MultiDict

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.permissions import Right
from webapp.jobs.definition.job_type import InvalidPayload, JobType
from webapp.jobs.definition.payload import is_secret
from webapp.jobs.model.job import Owner
from webapp.jobs.schedules.cron_rule import time_zones
from webapp.jobs.schedules.draft import InvalidSchedule, ScheduleDraft
from webapp.jobs.schedules.misfires import MisfirePolicy
from webapp.jobs.schedules.schedule import Schedule
from webapp.jobs.schedules.service import StaleSchedule
from webapp.views.forms.payload_form import PayloadForm
from webapp.views.forms.questions import field_specs
from webapp.views.page.audit_log import audited
from webapp.views.page.permissions import require
from webapp.views.page.request import services, signed_in
from webapp.views.page.viewer_context import viewer_context
from webapp.views.schedules.presenter import MISSED
from webapp.views.schedules.preview import preview_typed_rule
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

USUAL_RULE = "0 2 * * *"
PUBLIC, PRIVATE, PERSON = "public", "private", "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleForm:
    """All answers as text; ``whose`` is one of `PUBLIC`, `PRIVATE` and `PERSON`, whose name is ``person``."""

    name: str = ""
    rule: str = USUAL_RULE
    zone: str = "UTC"
    missed: str = MisfirePolicy.ONCE.value
    one_at_a_time: bool = False
    whose: str = PUBLIC
    person: str = ""
    queue: str = ""
    priority: str = ""

    @classmethod
    def typed(cls, form: Mapping[str, str]) -> "ScheduleForm":
        """Read what was sent."""
        names = ("name", "rule", "zone", "missed", "whose", "person", "queue", "priority")
        given = {name: form.get(f"schedule-{name}", "").strip() for name in names}
        return cls(**given, one_at_a_time="schedule-one_at_a_time" in form)

    @classmethod
    def of(cls, schedule: Schedule) -> "ScheduleForm":
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

    def draft(self, kind: JobType) -> tuple[ScheduleDraft, dict[str, str]]:
        """Return what is asked for, and one sentence for each answer that is wrong."""
        errors: dict[str, str] = {}
        draft = ScheduleDraft(
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
        except InvalidSchedule as error:
            errors |= {name: translated(said) for name, said in error.errors.items()}
        return draft, errors

    def _priority(self, errors: dict[str, str]) -> int | None:
        if not self.priority:
            return None
        if not (self.priority.isascii() and self.priority.isdigit() and len(self.priority) < len("10000000")):
            errors["priority"] = _("A priority must be a number from 0 to 10,000; higher runs first.")
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


_RARE = ("Etc/", "SystemV/", "US/", "Mexico/", "Brazil/", "Canada/", "Chile/")  # old names for others


@require(Right.EDIT_SCHEDULES)
def catalogue() -> ResponseReturnValue:
    """Show what a schedule can start."""
    kinds = sorted(filter(_can_be_scheduled, services().registry), key=attrgetter("group", "title"))
    return render_template("schedules/new.html", kinds=kinds)


def preview() -> ResponseReturnValue:
    """Answer what the rule means that somebody types."""
    typed_schedule = ScheduleForm.typed(request.args)
    return render_template(
        "schedules/_preview.html",
        preview=preview_typed_rule(typed_schedule.rule, typed_schedule.zone, viewer_context()),
    )


@require(Right.EDIT_SCHEDULES)
def new(type_name: str) -> ResponseReturnValue:
    """Ask for a schedule; make it once everything fits."""
    kind = _known(type_name) or abort(404)
    if request.method == "POST":
        return _answer(kind)
    return _page(kind, ScheduleForm(zone=viewer_context().zone.key), _form(kind))


@require(Right.EDIT_SCHEDULES)
def edit(schedule_id: UUID) -> ResponseReturnValue:
    """Ask again; its type stays."""
    schedule = services().schedules.get(schedule_id)
    kind = _known(schedule.type)
    if kind is None:
        abort(409, _("Its job type is not installed any more, so it cannot be changed. It can be removed."))
    if request.method == "POST":
        return _answer(kind, schedule)
    return _page(kind, ScheduleForm.of(schedule), _form(kind, initial=schedule.payload), schedule)


def _answer(kind: JobType, old: Schedule | None = None) -> ResponseReturnValue:
    typed_schedule, form = ScheduleForm.typed(request.form), _form(kind, typed=_with_kept_secrets(old))
    if "preview" in request.form:
        return _page(kind, typed_schedule, form, old)
    draft, errors = typed_schedule.draft(kind)
    if form.accepts() and not errors:
        try:
            saved = _change(old, draft, form) if old else _add(kind, draft, form)
            return redirect(url_for("schedules.show", schedule_id=saved.id), 303)
        except InvalidSchedule as error:
            errors = {name: translated(said) for name, said in error.errors.items()}
        except (InvalidPayload, StaleSchedule) as error:
            form.complain(getattr(error, "errors", {"": str(error)}))
    return _page(kind, typed_schedule, form, old, errors), 422


def _add(kind: JobType, draft: ScheduleDraft, form: PayloadForm) -> Schedule:
    schedule_id = uuid7()
    with audited(AuditAction.SCHEDULE_ADD, AuditTarget.SCHEDULE, schedule_id, name=draft.name, after=draft.to_dict()):
        return services().schedules.add(kind.name, form.values(), draft, by=signed_in().id, schedule_id=schedule_id)


def _change(old: Schedule, draft: ScheduleDraft, form: PayloadForm) -> Schedule:
    looked_at = replace(old, version=request.form.get("version", old.version, int))
    changes: dict[str, Any] = {"before": ScheduleDraft.from_schedule(old).to_dict(), "after": draft.to_dict()}
    with audited(AuditAction.SCHEDULE_CHANGE, AuditTarget.SCHEDULE, old.id, name=old.name, **changes):
        return services().schedules.change(looked_at, draft, payload=form.values(), by=signed_in().id)


def _form(kind: JobType, **given: Any) -> PayloadForm:
    return PayloadForm(kind.payload_class, zone=viewer_context().zone, **given)


def _page(
    kind: JobType,
    typed_schedule: ScheduleForm,
    form: PayloadForm,
    schedule: Schedule | None = None,
    errors: Mapping[str, str] | None = None,
) -> str:
    return render_template(
        "schedules/form.html",
        kind=kind,
        typed=typed_schedule,
        form=form,
        schedule=schedule,
        errors=errors or {},
        preview=preview_typed_rule(typed_schedule.rule, typed_schedule.zone, viewer_context()),
        policies=MISSED,
        zones=sorted(zone for zone in time_zones() if "/" in zone and not zone.startswith(_RARE)),
        queues=[queue.name for queue in services().queues.all()],
        kept={},
    )


def _with_kept_secrets(old: Schedule | None) -> MultiDict[str, str]:
    """A stored secret is never shown; left empty, it stays as it is."""
    typed = MultiDict(request.form.items(multi=True))
    for name, value in old.payload.items() if old else ():
        if is_secret(value) and not typed.get(name):
            typed[name] = services().vault.decrypt(value)
    return typed


def _known(type_name: str) -> JobType | None:
    registry = services().registry
    kind = registry.get(type_name) if type_name in registry else None
    return kind if kind and _can_be_scheduled(kind) else None


def _can_be_scheduled(kind: JobType) -> bool:
    """What needs a file cannot start by itself."""
    needs_file = any(question.is_upload and question.required for question in field_specs(kind.payload_class))
    return kind.may_be_started_by(signed_in().role) and not needs_file
