"""The rules and parameters of a job type in words: limits, who can start it, retention, and each parameter's type."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from webapp.accounts.user import Role
from webapp.jobs.definition.field_specs import ABSENT, FieldSpec, leaf_specs
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.definition.upload_rules import upload_rule_of
from webapp.jobs.model.job import Status
from webapp.jobs.model.policies import FOREVER, OnDuplicate
from webapp.views.admin.users import role_label
from webapp.views.forms.choices import label_of, labels_of, tokens_of
from webapp.views.forms.fields import full_title
from webapp.views.text.approval_text import approval_needed_text
from webapp.views.text.date_format import duration
from webapp.views.text.number_format import decimal, exact_number, join_with_or, size
from webapp.views.text.rate_words import rate_words
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext, ngettext

_MEBIBYTE = 1024 * 1024
_BOUNDS = {
    "minimum": lazy_gettext("at least %(bound)s"),
    "exclusiveMinimum": lazy_gettext("more than %(bound)s"),
    "maximum": lazy_gettext("at most %(bound)s"),
    "exclusiveMaximum": lazy_gettext("less than %(bound)s"),
    "multipleOf": lazy_gettext("in steps of %(bound)s"),
    "step": lazy_gettext("in steps of %(bound)s"),
    "min": lazy_gettext("not before %(bound)s"),
    "max": lazy_gettext("not after %(bound)s"),
    "pattern": lazy_gettext("pattern %(bound)s"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterRow:
    """One parameter of a job type; ``limits`` and ``default`` are empty if it has none."""

    name: str
    title: str
    help: str
    required: bool
    takes: str
    limits: str
    default: str


def limit_lines(job_type: JobType) -> tuple[str, ...]:
    """Return the time limit, the number of attempts, and how many jobs run at the same time."""
    return (
        _("up to %(period)s", period=duration(job_type.timeout)),
        _attempts(job_type),
        *_concurrency_lines(job_type),
    )


def starter_lines(job_type: JobType, groups: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return who can start it: roles, groups, and a remark if the catalogue does not list it."""
    roles = ", ".join(_role(role) for role in sorted(job_type.roles, key=_rank)) or _("Everyone")
    remarks = (
        (bool(groups), _("only members of %(groups)s, and admins", groups=", ".join(groups))),
        (not job_type.for_tenants, _("not users of a tenant")),
        (job_type.asks_password, _("with their own password")),
        (not job_type.listed, _("not listed under “Start a job”")),
        (job_type.webhook, _("also by inbound webhooks")),
    )
    return (roles, *(text for applies, text in remarks if applies))


def usual_retention(period: timedelta, *, by_month: bool) -> str:
    """Return how long jobs are kept whose type says nothing; ``by_month`` counts from the end of their month."""
    return _("%(period)s after the end of their month", period=_period(period)) if by_month else _period(period)


def retention_lines(job_type: JobType, usual: str) -> tuple[str, ...]:
    """Return how long finished jobs and their files are kept; ``usual`` is what `usual_retention` returns."""
    return (*_job_retention(job_type, usual), _("files: %(period)s", period=_period(job_type.keep_files)))


def rule_rows(job_type: JobType, usual: str, groups: tuple[str, ...] = ()) -> tuple[tuple[str, str], ...]:
    """Return all rules as pairs of name and value; ``groups`` are those whose members alone can start it."""
    silence = job_type.stale_after
    return (
        (_("Who can start it"), "; ".join(starter_lines(job_type, groups))),
        (_("Approval"), approval_needed_text(job_type.approval) or _("not needed")),
        (_("Priority"), str(job_type.priority)),
        (_("Attempts"), _attempts(job_type)),
        (_("Time limit"), duration(job_type.timeout)),
        (_("Grace period to stop"), duration(job_type.stop_grace)),
        (_("Lost without updates"), _("after %(period)s", period=duration(silence)) if silence else _("never")),
        (_("Running at the same time"), _limit(job_type.limits.running)),
        (_("Running at the same time per owner"), _limit(job_type.limits.running_per_owner)),
        (_("Starts"), rate_words(job_type.limits.rate) if job_type.limits.rate else _("no limit")),
        (_("Memory, cores and image of a launched process"), _resources(job_type)),
        (_("Duplicates"), _duplicates(job_type)),
        (
            _("If its worker is lost"),
            _("the job runs again") if job_type.rerun_lost else _("the job does not run again"),
        ),
        (_("If it finally fails or is lost"), _failure_hook(job_type)),
        (_("How it runs"), "; ".join(_process_lines(job_type))),
        (
            _("What it prints"),
            _("in the job's log") if job_type.capture_output else _("in the log of the worker"),
        ),
        (_("Who can see its output"), _audience(job_type)),
        (_("Jobs are kept for"), "; ".join(_job_retention(job_type, usual))),
        (_("Files are kept for"), _period(job_type.keep_files)),
    )


def parameter_rows(job_type: JobType, largest_file: int) -> tuple[ParameterRow, ...]:
    """Describe the parameters in the order of the form; ``largest_file`` is the upload limit in bytes."""
    return tuple(
        ParameterRow(
            name=field.name,
            title=full_title(field),
            help=field.help,
            required=field.required and not field.conditional,
            takes=_value_type(field),
            limits=", ".join(_limits(job_type, field, largest_file)),
            default=_default(field),
        )
        for field in leaf_specs(job_type.payload_class)
    )


def _attempts(job_type: JobType) -> str:
    return ngettext("%(num)s attempt", "up to %(num)s attempts", job_type.retry.max_attempts)


def _concurrency_lines(job_type: JobType) -> tuple[str, ...]:
    running, per_owner = job_type.limits.running, job_type.limits.running_per_owner
    lines = []
    if running is not None:
        lines.append(_("%(count)s at a time", count=running))
    if per_owner is not None:
        lines.append(_("%(count)s at a time per owner", count=per_owner))
    if job_type.limits.rate is not None:
        lines.append(rate_words(job_type.limits.rate))
    return tuple(lines) or (_("any number at a time"),)


def _limit(limit: int | None) -> str:
    return _("no limit") if limit is None else str(limit)


def _resources(job_type: JobType) -> str:
    resources = job_type.resources
    memory = size(resources.memory * _MEBIBYTE) if resources.memory else None
    cores = None if resources.cpu is None else _("%(count)s cores", count=decimal(resources.cpu))
    return ", ".join(filter(None, (memory, cores, resources.image))) or _("those of the launcher")


def _duplicates(job_type: JobType) -> str:
    if job_type.unique_key is None:
        return _("allowed")
    labels = {
        OnDuplicate.REJECT: _("rejected"),
        OnDuplicate.RETURN: _("the existing job is returned"),
        OnDuplicate.QUEUE_AFTER: _("wait for the first job"),
    }
    return labels[job_type.on_duplicate]


def _failure_hook(job_type: JobType) -> str:
    hook = job_type.on_failed
    return _("calls %(function)s", function=f"{hook.__module__}.{hook.__qualname__}") if hook else _("nothing more")


def _process_lines(job_type: JobType) -> tuple[str, ...]:
    process = _("in a process of its own") if job_type.own_process else _("in a process with other jobs")
    remarks = (
        (job_type.acts_as_owner, _("with the permissions of its owner")),
        (job_type.worker_only, _("not from the command line")),
    )
    return (process, *(text for applies, text in remarks if applies))


def _audience(job_type: JobType) -> str:
    if job_type.private_output:
        return _("its owner, and users who can see all jobs and start every job type")
    return _("its owner, and users who can see all jobs and start this job type")


def _role(role: str) -> str:
    return role_label(Role(role)) if role in set(Role) else role


def _rank(role: str) -> tuple[int, str]:
    """Sort roles by their rights; unknown roles come last."""
    known = list(Role)
    return (known.index(Role(role)) if role in known else len(known)), role


def _job_retention(job_type: JobType, usual: str) -> tuple[str, ...]:
    own = job_type.keep.by_status()
    labels = {
        Status.COMPLETED: _("done"),
        Status.FAILED: _("failed"),
        Status.CANCELLED: _("stopped"),
        Status.STALE: _("lost"),
    }
    exceptions = (f"{label}: {_period(own[status])}" for status, label in labels.items() if status in own)
    return (usual, *exceptions)


def _period(period: timedelta) -> str:
    return _("forever") if period == FOREVER else duration(period)


def _value_type(field: FieldSpec) -> str:
    schema = field.schema
    if field.is_upload:
        return _("several files") if field.takes_files else _("file")
    if tokens_of(schema):
        return _("one option")
    if tokens_of(schema.get("items", {})):
        return _("several options")
    formats = {"date": _("date"), "date-time": _("date and time"), "password": _("secret")}
    types = {
        "string": _("text"),
        "integer": _("whole number"),
        "number": _("number"),
        "boolean": _("yes or no"),
        "array": _("list"),
        "object": _("object"),
    }
    return formats.get(str(schema.get("format"))) or types.get(str(schema.get("type"))) or _("any value")


def _limits(job_type: JobType, field: FieldSpec, largest_file: int) -> Iterator[str]:
    schema = field.schema
    if field.is_upload:
        yield from _file_limits(job_type, field, largest_file)
        return
    options = schema if "enum" in schema or "const" in schema else schema.get("items", {})
    if tokens := tokens_of(options):
        yield join_with_or(list(labels_of(options, tokens, schema).values()))
    yield from (str(text) % {"bound": _display_value(schema[key])} for key, text in _BOUNDS.items() if key in schema)
    yield from _length_limits(schema)


def _file_limits(job_type: JobType, field: FieldSpec, largest_file: int) -> Iterator[str]:
    rule = upload_rule_of(job_type.payload_class, field.name)
    if rule.kinds:
        yield join_with_or(rule.kinds)
    yield _("at most %(bound)s", bound=size(min(rule.max_bytes or largest_file, largest_file)))
    if rule.is_list:
        yield ngettext("at most %(num)s file", "at most %(num)s files", rule.max_files)
        yield _("at most %(bound)s in total", bound=size(rule.total_limit(largest_file)))


def _length_limits(schema: Mapping[str, Any]) -> Iterator[str]:
    if low := schema.get("minLength"):
        yield ngettext("at least %(num)s character", "at least %(num)s characters", low)
    if high := schema.get("maxLength"):
        yield ngettext("at most %(num)s character", "at most %(num)s characters", high)
    if low := schema.get("minItems"):
        yield ngettext("at least %(num)s entry", "at least %(num)s entries", low)
    if high := schema.get("maxItems"):
        yield ngettext("at most %(num)s entry", "at most %(num)s entries", high)


def _default(field: FieldSpec) -> str:
    value = field.default
    if value is ABSENT or field.schema.get("format") == "password":
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if value in (None, "", [], {}):
        return _("empty")
    if isinstance(value, list):
        return label_of(field, value) or ", ".join(map(_display_value, value))
    return label_of(field, value) or _display_value(value)


def _display_value(value: object) -> str:
    return exact_number(value) if isinstance(value, int | float) else str(value)
