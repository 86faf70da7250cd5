"""Add and edit schedules: the catalogue of job types, the form, and the preview of its rule."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain, count
from operator import attrgetter
from types import MappingProxyType
from typing import Any
from uuid import UUID

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from uuid_utils.compat import uuid7

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.permissions import Right
from webapp.jobs.definition.job_type import InvalidPayload, JobType
from webapp.jobs.model.job import Job, Owner
from webapp.jobs.schedules.draft import NAME_LIMIT, InvalidSchedule, ScheduleDraft
from webapp.jobs.schedules.job_factory import can_be_scheduled
from webapp.jobs.schedules.misfires import MisfirePolicy
from webapp.jobs.schedules.schedule import Schedule
from webapp.jobs.schedules.service import StaleSchedule
from webapp.time_zones import places
from webapp.user_policy import user_policy
from webapp.views.forms.kept_secrets import stored_secrets, with_kept_secrets
from webapp.views.forms.payload_form import PayloadForm
from webapp.views.page.audit_log import audited
from webapp.views.page.permissions import may
from webapp.views.page.request import job_policy, services, signed_in, viewer
from webapp.views.page.viewer_context import viewer_context
from webapp.views.schedules.access import find, is_own_page, limits, require_for_others
from webapp.views.schedules.presenter import MISSED
from webapp.views.schedules.preview import preview_typed_rule
from webapp.views.schedules.rule_choices import CRON, EVERY, RuleChoices
from webapp.views.text.date_format import weekdays
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

DEFAULT_RULE = "0 2 * * *"
REPEAT = "repeat"  # the name of the button with which the form of a job begins a schedule
PUBLIC, PRIVATE, PERSON = "public", "private", "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleForm:
    """The fields of the form apart from the payload, as text; ``person`` is a user name if ``whose`` is `PERSON`."""

    name: str = ""
    rule: str = DEFAULT_RULE
    zone: str = "UTC"
    missed: str = MisfirePolicy.ONCE.value
    one_at_a_time: bool = False
    whose: str = PUBLIC
    person: str = ""
    queue: str = ""
    priority: str = ""
    tags: str = ""

    @property
    def choices(self) -> RuleChoices:
        """The rule by choices."""
        return RuleChoices.of(self.rule)

    @classmethod
    def typed(cls, form: Mapping[str, str]) -> "ScheduleForm":
        """Read the submitted fields; the rule can be typed or made of choices."""
        names = ("name", "rule", "zone", "missed", "whose", "person", "queue", "priority", "tags")
        values = {name: form.get(f"schedule-{name}", "").strip() for name in names}
        chosen = RuleChoices.typed(form)
        if chosen.every in EVERY and chosen.every != CRON:
            values["rule"] = chosen.rule()
        return cls(**values, one_at_a_time="schedule-one_at_a_time" in form)

    @classmethod
    def of(cls, schedule: Schedule) -> "ScheduleForm":
        """Return the fields of an existing schedule."""
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
            tags=", ".join(schedule.tags),
        )

    def draft(self, job_type: JobType, old: Schedule | None = None) -> tuple[ScheduleDraft, dict[str, str]]:
        """Return the draft, and an error message for each invalid field.

        Users set neither the owner nor the queue and priority of their own schedules.
        """
        errors: dict[str, str] = {}
        own = is_own_page()
        draft = ScheduleDraft(
            name=self.name,
            rule=self.rule,
            zone=self.zone,
            missed=self.missed,
            one_at_a_time=self.one_at_a_time,
            queue=(old.queue if old else None) if own else self.queue or None,
            priority=(old.priority if old else None) if own else self._priority(errors),
            owner=job_policy().owner if own else self._owner(job_type, errors),
            tags=tuple(tag for tag in self.tags.split(",") if tag.strip()),
        )
        try:
            services().schedules.check(draft)
        except InvalidSchedule as error:
            errors |= {name: translated(message) for name, message in error.errors.items()}
        return draft, errors

    def _priority(self, errors: dict[str, str]) -> int | None:
        if not self.priority:
            return None
        if not (self.priority.isascii() and self.priority.isdigit() and len(self.priority) < len("10000000")):
            errors["priority"] = _("A priority must be a number from 0 to 10,000; higher runs first.")
            return None
        return int(self.priority)

    def _owner(self, job_type: JobType, errors: dict[str, str]) -> Owner:
        if self.whose != PERSON:
            return Owner(public=self.whose != PRIVATE)
        user = services().accounts.by_name(self.person)
        if user is None or not user.active:
            errors["person"] = _("No active account has this name.")
        elif not user_policy(user, services().registry).may_start(job_type.name):
            errors["person"] = _("%(name)s doesn't have permission to start this type of job.", name=user.name)
        else:
            return Owner(user_id=user.id, tenant=user.tenant)
        return Owner()


@require_for_others(Right.EDIT_SCHEDULES)
def catalogue() -> ResponseReturnValue:
    """Show the job types that a schedule can start."""
    job_types = sorted(filter(_can_be_scheduled, services().registry), key=attrgetter("group", "title"))
    return render_template("schedules/new.html", job_types=job_types)


def preview() -> ResponseReturnValue:
    """Return the preview of the rule while the user types it."""
    typed_schedule = ScheduleForm.typed(request.args)
    return render_template(
        "schedules/_preview.html",
        preview=preview_typed_rule(typed_schedule.rule, typed_schedule.zone, viewer_context()),
    )


@require_for_others(Right.EDIT_SCHEDULES)
def new(type_name: str) -> ResponseReturnValue:
    """Show an empty form, or add the schedule when the submitted form is valid."""
    job_type = schedulable_type(type_name) or abort(404)
    repeated = _repeated(job_type)
    if request.method == "POST":
        return _submit(job_type, stored=repeated.payload if repeated else {})
    typed_schedule = ScheduleForm(name=_free_name(job_type), zone=viewer_context().zone.key)
    if repeated is None:
        return _page(job_type, typed_schedule, _form(job_type))
    typed_schedule = replace(typed_schedule, tags=", ".join(repeated.tags))
    return _page(job_type, typed_schedule, _form(job_type, initial=repeated.payload), stored=repeated.payload)


@require_for_others(Right.EDIT_SCHEDULES)
def edit(schedule_id: UUID) -> ResponseReturnValue:
    """Show the form of a schedule, or save it. The job type cannot change."""
    schedule = find(schedule_id)
    job_type = schedulable_type(schedule.type)
    if job_type is None and schedule.type in services().registry:
        abort(409, _("Its type of job cannot be scheduled here, so the schedule cannot be edited. You can delete it."))
    if job_type is None:
        abort(409, _("Its job type is no longer installed, so the schedule cannot be edited. You can delete it."))
    if request.method == "POST":
        return _submit(job_type, schedule, schedule.payload)
    form = _form(job_type, initial=schedule.payload)
    return _page(job_type, ScheduleForm.of(schedule), form, schedule, stored=schedule.payload)


def _repeated(job_type: JobType) -> Job | None:
    """Return the user's own job whose input the form begins with, if the address names one."""
    job_id = request.args.get("job", type=UUID)
    if job_id is None or not is_own_page():
        return None
    job = services().queries.jobs.get_visible(viewer(), job_id)
    return job if job.type == job_type.name and job.owner.user_id == signed_in().id else None


def _free_name(job_type: JobType) -> str:
    """Return the name that the form of an own schedule suggests: the type's title, numbered if it is taken."""
    if not is_own_page():
        return ""
    title = translated(job_type.title)[: NAME_LIMIT - 5]
    taken = {schedule.name for schedule in services().schedules.of_owner(signed_in().id)}
    numbered = (f"{title} {number}" for number in count(2))
    return next(name for name in chain([title], numbered) if name not in taken)


def _submit(
    job_type: JobType, old: Schedule | None = None, stored: Mapping[str, Any] = MappingProxyType({})
) -> ResponseReturnValue:
    """Save the submitted form; ``stored`` is the payload whose secrets stay when their fields are empty."""
    typed = with_kept_secrets(job_type.payload_class, request.form, stored, services().vault)
    form = _form(job_type, typed=typed)
    if REPEAT in request.form:  # sent by the form that starts a job
        suggested = ScheduleForm(
            name=_free_name(job_type), zone=viewer_context().zone.key, tags=request.form.get("job.tags", "")
        )
        return _page(job_type, suggested, form, stored=stored)
    typed_schedule = ScheduleForm.typed(request.form)
    if "preview" in request.form:
        return _page(job_type, typed_schedule, form, old, stored=stored)
    draft, errors = typed_schedule.draft(job_type, old)
    if form.accepts() and not errors:
        try:
            saved = _change(old, draft, form) if old else add_schedule(job_type, draft, form.values())
            return redirect(url_for(".show", schedule_id=saved.id), 303)
        except InvalidSchedule as error:
            errors = {name: translated(message) for name, message in error.errors.items()}
        except (InvalidPayload, StaleSchedule) as error:
            form.add_errors(getattr(error, "errors", {"": str(error)}))
    return _page(job_type, typed_schedule, form, old, errors, stored=stored), 422


def add_schedule(job_type: JobType, draft: ScheduleDraft, payload: Mapping[str, Any]) -> Schedule:
    """Add a schedule for the signed-in user; pages and the API call it."""
    schedule_id = uuid7()
    with audited(AuditAction.SCHEDULE_ADD, AuditTarget.SCHEDULE, schedule_id, name=draft.name, after=draft.to_dict()):
        return services().schedules.add(
            job_type.name, payload, draft, by=signed_in().id, schedule_id=schedule_id, limits=limits()
        )


def _change(old: Schedule, draft: ScheduleDraft, form: PayloadForm) -> Schedule:
    seen = replace(old, version=request.form.get("version", old.version, int))
    return change_schedule(seen, draft, form.values())


def change_schedule(old: Schedule, draft: ScheduleDraft, payload: Mapping[str, Any] | None) -> Schedule:
    """Change a schedule for the signed-in user; without a payload, its payload stays."""
    changes: dict[str, Any] = {"before": ScheduleDraft.from_schedule(old).to_dict(), "after": draft.to_dict()}
    with audited(AuditAction.SCHEDULE_CHANGE, AuditTarget.SCHEDULE, old.id, name=old.name, **changes):
        return services().schedules.change(old, draft, payload=payload, by=signed_in().id, limits=limits())


def _form(job_type: JobType, **options: Any) -> PayloadForm:
    return PayloadForm(job_type.payload_class, zone=viewer_context().zone, **options)


def _page(
    job_type: JobType,
    typed_schedule: ScheduleForm,
    form: PayloadForm,
    schedule: Schedule | None = None,
    errors: Mapping[str, str] | None = None,
    *,
    stored: Mapping[str, Any] = MappingProxyType({}),
) -> str:
    return render_template(
        "schedules/form.html",
        job_type=job_type,
        typed=typed_schedule,
        form=form,
        schedule=schedule,
        errors=errors or {},
        preview=preview_typed_rule(typed_schedule.rule, typed_schedule.zone, viewer_context()),
        policies=MISSED,
        zones=places(),
        weekdays=weekdays(),
        queues=[queue.name for queue in services().queues.all()],
        kept={},
        stored_secrets=stored_secrets(job_type.payload_class, stored),
        limits=limits(),
    )


def schedulable_type(type_name: str) -> JobType | None:
    """Return a type of which the signed-in user can schedule jobs; None if there is none of this name."""
    registry = services().registry
    job_type = registry.get(type_name) if type_name in registry else None
    return job_type if job_type and _can_be_scheduled(job_type) else None


def _can_be_scheduled(job_type: JobType) -> bool:
    """Return whether the user can schedule jobs of the type; types with a start page of their own only for admins."""
    is_offered = job_type.listed or may(Right.EDIT_SCHEDULES)
    return is_offered and job_policy().may_start(job_type.name) and can_be_scheduled(job_type)
