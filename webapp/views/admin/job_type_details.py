"""The rules of a job type in words: how long it may run, how often, who starts it, how long it is kept.

What a job type asks for, in words: what each parameter takes, within which limits, and what it is by itself.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from webapp.accounts.user import Role
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.definition.upload_rules import upload_rule_of
from webapp.jobs.model.job import Status
from webapp.jobs.model.policies import FOREVER, OnDuplicate
from webapp.views.admin.users import role_label
from webapp.views.forms.choices import label_of, labels_of, tokens_of
from webapp.views.forms.questions import ABSENT, FieldSpec, field_specs
from webapp.views.text.date_format import duration
from webapp.views.text.number_format import exact_number, join_with_or, size
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext, ngettext


def limit_lines(kind: JobType) -> tuple[str, ...]:
    """Say how long a job may run, how often it is tried, and how many run at once."""
    return (_("up to %(period)s", period=duration(kind.timeout)), _tries(kind), *_at_once(kind))


def starter_lines(kind: JobType) -> tuple[str, ...]:
    """Say who may start it, and where if not from the catalogue."""
    who = ", ".join(_role(role) for role in sorted(kind.roles, key=_rank)) or _("Everyone")
    return (who,) if kind.listed else (who, _("not in the list of job types to start"))


def retention_lines(kind: JobType, usual: timedelta) -> tuple[str, ...]:
    """Say how long jobs are kept that have ended, and then their files; ``usual`` is what the installation says."""
    return (*_jobs_kept(kind, usual), _("files: %(period)s", period=_period(kind.keep_files)))


def rule_rows(kind: JobType, usual: timedelta) -> tuple[tuple[str, str], ...]:
    """Return every rule with its name."""
    running, of_one_owner = kind.limits.running, kind.limits.running_per_owner
    return (
        (_("Who can start it"), "; ".join(starter_lines(kind))),
        (_("Priority"), str(kind.priority)),
        (_("Attempts"), _tries(kind)),
        (_("Time limit"), duration(kind.timeout)),
        (_("Grace period to stop"), duration(kind.stop_grace)),
        (
            _("Time without progress before it is lost"),
            duration(kind.stale_after) if kind.stale_after else _("no limit"),
        ),
        (_("Running at the same time"), _most(running)),
        (_("Running at the same time per owner"), _most(of_one_owner)),
        (_("Duplicates"), _second(kind)),
        (_("If its worker is lost"), _("the job runs again") if kind.rerun_lost else _("the job does not run again")),
        (_("Jobs are kept for"), "; ".join(_jobs_kept(kind, usual))),
        (_("Files are kept for"), _period(kind.keep_files)),
    )


def _tries(kind: JobType) -> str:
    return ngettext("%(num)s attempt", "up to %(num)s attempts", kind.retry.max_attempts)


def _at_once(kind: JobType) -> tuple[str, ...]:
    running, of_one_owner = kind.limits.running, kind.limits.running_per_owner
    found = []
    if running is not None:
        found.append(_("%(count)s at a time", count=running))
    if of_one_owner is not None:
        found.append(_("%(count)s at a time per owner", count=of_one_owner))
    return tuple(found) or (_("any number at a time"),)


def _most(limit: int | None) -> str:
    return _("no limit") if limit is None else str(limit)


def _second(kind: JobType) -> str:
    if kind.unique_key is None:
        return _("allowed")
    words = {
        OnDuplicate.REJECT: _("rejected"),
        OnDuplicate.RETURN: _("the existing job is returned"),
        OnDuplicate.QUEUE_AFTER: _("wait for the first job"),
    }
    return words[kind.on_duplicate]


def _role(role: str) -> str:
    return role_label(Role(role)) if role in set(Role) else role


def _rank(role: str) -> tuple[int, str]:
    """From the weakest on; roles that nobody has come last."""
    known = list(Role)
    return (known.index(Role(role)) if role in known else len(known)), role


def _jobs_kept(kind: JobType, usual: timedelta) -> tuple[str, ...]:
    own = kind.keep.by_status()
    words = {
        Status.COMPLETED: _("done"),
        Status.FAILED: _("failed"),
        Status.CANCELLED: _("stopped"),
        Status.STALE: _("lost"),
    }
    said = (f"{word}: {_period(own[status])}" for status, word in words.items() if status in own)
    return (_period(usual), *said)


def _period(period: timedelta) -> str:
    return _("forever") if period == FOREVER else duration(period)


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
    """One thing that a type asks for. ``limits`` and ``default`` are empty where there is none."""

    name: str
    title: str
    help: str
    required: bool
    takes: str
    limits: str
    default: str


def parameter_rows(kind: JobType, largest_file: int) -> tuple[ParameterRow, ...]:
    """Describe what a type asks for, in the order of its form; files of ``largest_file`` bytes are taken anywhere."""
    return tuple(
        ParameterRow(
            name=question.name,
            title=question.title,
            help=question.help,
            required=question.required,
            takes=_takes(question),
            limits=", ".join(_limits(kind, question, largest_file)),
            default=_default(question),
        )
        for question in field_specs(kind.payload_class)
    )


def _takes(question: FieldSpec) -> str:
    schema = question.schema
    if question.is_upload:
        return _("file")
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


def _limits(kind: JobType, question: FieldSpec, largest_file: int) -> Iterator[str]:
    schema = question.schema
    if question.is_upload:
        yield from _of_a_file(kind, question, largest_file)
        return
    options = schema if "enum" in schema or "const" in schema else schema.get("items", {})
    if tokens := tokens_of(options):
        yield join_with_or(list(labels_of(options, tokens, schema).values()))
    yield from (str(words) % {"bound": _amount(schema[key])} for key, words in _BOUNDS.items() if key in schema)
    yield from _counts(schema)


def _of_a_file(kind: JobType, question: FieldSpec, largest_file: int) -> Iterator[str]:
    taken = upload_rule_of(kind.payload_class, question.name)
    if taken.kinds:
        yield join_with_or(taken.kinds)
    yield _("at most %(bound)s", bound=size(min(taken.max_bytes or largest_file, largest_file)))


def _counts(schema: Mapping[str, Any]) -> Iterator[str]:
    if low := schema.get("minLength"):
        yield ngettext("at least %(num)s character", "at least %(num)s characters", low)
    if high := schema.get("maxLength"):
        yield ngettext("at most %(num)s character", "at most %(num)s characters", high)
    if low := schema.get("minItems"):
        yield ngettext("at least %(num)s entry", "at least %(num)s entries", low)
    if high := schema.get("maxItems"):
        yield ngettext("at most %(num)s entry", "at most %(num)s entries", high)


def _default(question: FieldSpec) -> str:
    value = question.default
    if value is ABSENT or question.schema.get("format") == "password":
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if value in (None, "", [], {}):
        return _("empty")
    if isinstance(value, list):
        return label_of(question, value) or ", ".join(map(_amount, value))
    return label_of(question, value) or _amount(value)


def _amount(value: object) -> str:
    return exact_number(value) if isinstance(value, int | float) else str(value)
