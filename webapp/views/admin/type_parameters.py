"""What a job type asks for, in words: what each parameter takes, within which limits, and what it is by itself."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from webapp.jobs.job_type import JobType
from webapp.jobs.uploads import taken_by
from webapp.views.forms.choices import label_of, labels_of, tokens_of
from webapp.views.forms.questions import ABSENT, Question, questions
from webapp.views.locales import exact, one_of, size
from webapp.views.texts import gettext as _
from webapp.views.texts import lazy_gettext, ngettext

_BOUNDS = {
    "minimum": lazy_gettext("at least %(bound)s"),
    "exclusiveMinimum": lazy_gettext("more than %(bound)s"),
    "maximum": lazy_gettext("at most %(bound)s"),
    "exclusiveMaximum": lazy_gettext("less than %(bound)s"),
    "multipleOf": lazy_gettext("in steps of %(bound)s"),
    "step": lazy_gettext("in steps of %(bound)s"),
    "min": lazy_gettext("not before %(bound)s"),
    "max": lazy_gettext("not after %(bound)s"),
    "pattern": lazy_gettext("of the form %(bound)s"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One thing that a type asks for. ``limits`` and ``default`` are empty where there is none."""

    name: str
    title: str
    help: str
    required: bool
    takes: str
    limits: str
    default: str


def parameters(kind: JobType, largest_file: int) -> tuple[Parameter, ...]:
    """Describe what a type asks for, in the order of its form; files of ``largest_file`` bytes are taken anywhere."""
    return tuple(
        Parameter(
            name=question.name,
            title=question.title,
            help=question.help,
            required=question.required,
            takes=_takes(question),
            limits=", ".join(_limits(kind, question, largest_file)),
            default=_default(question),
        )
        for question in questions(kind.payload_class)
    )


def _takes(question: Question) -> str:
    schema = question.schema
    if question.is_upload:
        return _("a file")
    if tokens_of(schema):
        return _("one of several")
    if tokens_of(schema.get("items", {})):
        return _("some of several")
    formats = {"date": _("a date"), "date-time": _("a moment"), "password": _("a secret")}
    types = {
        "string": _("a text"),
        "integer": _("a whole number"),
        "number": _("a number"),
        "boolean": _("yes or no"),
        "array": _("a list"),
        "object": _("an object"),
    }
    return formats.get(str(schema.get("format"))) or types.get(str(schema.get("type"))) or _("a value")


def _limits(kind: JobType, question: Question, largest_file: int) -> Iterator[str]:
    schema = question.schema
    if question.is_upload:
        yield from _of_a_file(kind, question, largest_file)
        return
    options = schema if "enum" in schema or "const" in schema else schema.get("items", {})
    if tokens := tokens_of(options):
        yield one_of(list(labels_of(options, tokens, schema).values()))
    yield from (str(words) % {"bound": _amount(schema[key])} for key, words in _BOUNDS.items() if key in schema)
    yield from _counts(schema)


def _of_a_file(kind: JobType, question: Question, largest_file: int) -> Iterator[str]:
    taken = taken_by(kind.payload_class, question.name)
    if taken.kinds:
        yield one_of(taken.kinds)
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


def _default(question: Question) -> str:
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
    return exact(value) if isinstance(value, int | float) else str(value)
