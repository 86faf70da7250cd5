"""Two runs side by side: their input, how they went, and what they left behind."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from types import MappingProxyType
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from webapp.jobs.definition.field_specs import FieldSpec, leaf_specs
from webapp.jobs.definition.readable_names import humanize
from webapp.jobs.model.job import Job
from webapp.jobs.queries.criteria import JobCriteria
from webapp.jobs.run_comparison import ComparedValue, Part, compare_runs, is_file
from webapp.views.forms.choices import label_of
from webapp.views.forms.fields import full_title
from webapp.views.page.request import services, viewer
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text import status_labels
from webapp.views.text.date_format import FormattedTime, duration
from webapp.views.text.number_format import exact_number, size
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext

bp = Blueprint("comparison", __name__)
_MINUS = "\N{MINUS SIGN}"
_NONE = "\N{EN DASH}"
_OFFERED = 20  # other runs to choose from
_LONGEST = 300  # characters of a value
_PARTS: Mapping[Part, Any] = MappingProxyType(
    {
        Part.RUN: lazy_gettext("Run"),
        Part.INPUT: lazy_gettext("Input"),
        Part.RESULT: lazy_gettext("Result"),
        Part.FILES: lazy_gettext("Files"),
        Part.STEPS: lazy_gettext("Steps"),
    }
)
_NAMES: Mapping[str, Any] = MappingProxyType(
    {
        "status": lazy_gettext("Status"),
        "owner": lazy_gettext("Owner"),
        "waited": lazy_gettext("Waited"),
        "ran": lazy_gettext("Ran"),
        "attempts": lazy_gettext("Attempts"),
        "message": lazy_gettext("Message"),
        "warnings": lazy_gettext("Warnings"),
        "error": lazy_gettext("Error"),
    }
)
_DURATIONS = frozenset({"waited", "ran"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHead:
    """The head of a column: a job."""

    id: UUID
    short_id: str
    title: str
    created_at: FormattedTime


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRow:
    """A value of both runs as text; ``change`` is by how much the second one took longer or shorter."""

    label: str
    first: str
    second: str
    differs: bool
    change: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonPart:
    """The rows of a part: those that differ, and the others."""

    title: str
    different: tuple[ComparisonRow, ...]
    equal: tuple[ComparisonRow, ...]


@bp.get("/jobs/<uuid:job_id>/compare")
def show(job_id: UUID) -> ResponseReturnValue:
    """Compare a job with another one: that of the parameter ``with``, or the one that it repeats, or the one before."""
    context = viewer_context()
    job = _openable(job_id, context)
    others = _others(job, context)
    other = _chosen(job, others, context)
    shown = viewer_context([each.owner.user_id for each in (job, other) if each and each.owner.user_id])
    return render_template(
        "job/comparison.html",
        job=job,
        others=tuple(_head(each, context) for each in others),
        chosen=other.id if other else None,
        heads=(_head(other, context), _head(job, context)) if other else (),
        parts=_parts(other, job, shown) if other else (),
    )


def openable_runs(job_id: UUID, other_id: UUID) -> tuple[Job, Job]:
    """Return two jobs that the signed-in user can open; end the request with 404 otherwise. The API calls it."""
    context = viewer_context()
    return _openable(job_id, context), _openable(other_id, context)


def _openable(job_id: UUID, context: ViewerContext) -> Job:
    job = services().queries.jobs.get_visible(context.viewer, job_id)
    return job if context.may_open(job) else abort(404)


def _others(job: Job, context: ViewerContext) -> tuple[Job, ...]:
    """Return the newest other jobs of the type that the viewer can open."""
    criteria = JobCriteria(type_name=job.type, with_children=False)
    found = services().queries.lists.find(viewer(), criteria, limit=_OFFERED + 1).jobs
    return tuple(each for each in found if each.id != job.id and context.may_open(each))[:_OFFERED]


def _chosen(job: Job, others: tuple[Job, ...], context: ViewerContext) -> Job | None:
    if given := request.args.get("with", type=UUID):
        return _openable(given, context)
    repeated = services().queries.lists.find_by_ids(viewer(), [job.again_of]) if job.again_of else {}
    for each in repeated.values():
        if context.may_open(each):  # who may see a job may not always read its input
            return each
    return next((each for each in others if each.id < job.id), next(iter(others), None))


def _head(job: Job, context: ViewerContext) -> RunHead:
    return RunHead(
        id=job.id,
        short_id=job.short_id,
        title=translated(job.title),
        created_at=context.when(job.created_at or context.now),
    )


def _parts(first: Job, second: Job, context: ViewerContext) -> tuple[ComparisonPart, ...]:
    words = _Words(
        fields=_fields(first.type) | _fields(second.type),
        statuses={job.status.value: str(status_labels.status_label(job).word) for job in (first, second)},
        context=context,
    )
    found = []
    for part, values in groupby(compare_runs(services().queries, first, second), lambda value: value.part):
        rows = [_row(value, words) for value in values]
        different, equal = (tuple(row for row in rows if row.differs is differs) for differs in (True, False))
        found.append(ComparisonPart(title=str(_PARTS[part]), different=different, equal=equal))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """The fields and the labels of statuses of the two runs, and what the viewer calls people."""

    fields: Mapping[str, FieldSpec]
    statuses: Mapping[str, str]
    context: ViewerContext


def _fields(type_name: str) -> dict[str, FieldSpec]:
    registry = services().registry
    if type_name not in registry:
        return {}
    specs = leaf_specs(registry.get(type_name).payload_class)
    return {".".join(spec.path or (spec.name,)): spec for spec in specs}


def _row(value: ComparedValue, words: _Words) -> ComparisonRow:
    first, second = (_text(value, given, words) for given in (value.first, value.second))
    return ComparisonRow(
        label=_label(value, words.fields),
        first=first,
        second=second,
        differs=first != second if _is_duration(value) else value.differs and {first, second} != {_NONE},
        change=_change(value),
    )


def _label(value: ComparedValue, fields: Mapping[str, FieldSpec]) -> str:
    if value.part in {Part.RUN, Part.RESULT} and value.name in _NAMES:
        return str(_NAMES[value.name])
    if value.part is Part.INPUT:
        return full_title(fields[value.name]) if value.name in fields else humanize(value.name)
    return humanize(value.name) if value.part is Part.RESULT else value.name


def _text(value: ComparedValue, given: Any, words: _Words) -> str:
    if _is_duration(value):
        return _NONE if given is None else duration(timedelta(seconds=given))
    if value.part is Part.RUN and value.name == "status":
        return words.statuses[given]
    if value.part is Part.RUN and value.name == "owner":
        return words.context.label(UUID(given) if given else None)
    if value.part is Part.FILES:
        return _NONE if given is None else size(given["size"])
    if value.part is Part.INPUT and value.name in words.fields and (label := label_of(words.fields[value.name], given)):
        return label
    return _plain(given)


def _plain(given: Any) -> str:
    if given is None or given in ("", [], {}):
        return _NONE
    if isinstance(given, bool):
        return _("Yes") if given else _("No")
    if isinstance(given, int | float):
        return exact_number(given)
    if is_file(given):
        return f"{given['name']} ({size(given['size'])})"
    text = translated(given) if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _change(value: ComparedValue) -> str:
    if value.part is Part.FILES and value.differs and value.first and value.second:
        same_size = value.first["size"] == value.second["size"]
        return _("other content") if same_size else ""
    if not _is_duration(value) or None in {value.first, value.second}:
        return ""
    seconds = value.second - value.first
    if abs(seconds) < 1:
        return ""
    return f"{'+' if seconds > 0 else _MINUS}{duration(timedelta(seconds=abs(seconds)))}"


def _is_duration(value: ComparedValue) -> bool:
    return value.part is Part.STEPS or (value.part is Part.RUN and value.name in _DURATIONS)
