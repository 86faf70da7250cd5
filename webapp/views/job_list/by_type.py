"""The jobs of a list grouped by their type: how many there are of each, as links to the list narrowed to it."""

from dataclasses import dataclass, replace

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp.views.job_list.filter import Filter, parse_filter
from webapp.views.job_list.list_page import LABELS
from webapp.views.page.request import services, viewer
from webapp.views.text.stored_messages import translated

bp = Blueprint("by_type", __name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeGroup:
    """The jobs of one type; ``share`` is its count in percent of the largest."""

    title: str
    count: int
    share: float
    filter: Filter


@bp.get("/jobs/by-type")
def index() -> ResponseReturnValue:
    """Count the jobs of a filter by type; words and warnings, which need each row to be read, are left out."""
    job_filter = replace(Filter.of(request.args), text="", warned=False, type_name="", before=None)
    parsed = parse_filter(job_filter)
    found = services().queries.lists.count_by_type(viewer(), parsed.criteria)
    peak = max(found.counts.values(), default=1)
    groups = (
        TypeGroup(title=_title(name), count=count, share=100 * count / peak, filter=replace(job_filter, type_name=name))
        for name, count in found.counts.items()
    )
    return render_template(
        "job_list/by_type.html",
        groups=sorted(groups, key=lambda group: (-group.count, group.title)),
        is_cut=found.cut,
        filter=job_filter,
        label=LABELS[job_filter.tab],
        tabs={name: (label, job_filter.in_tab(name)) for name, label in LABELS.items()},
        problem=parsed.problem,
    )


def _title(name: str) -> str:
    return translated(services().registry.title_of(name))
