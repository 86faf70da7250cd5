"""Job types: list and show them with their rules, parameters and numbers of jobs; disable and enable one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.permissions import Right
from webapp.jobs.definition.disabled_types import DisabledType
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.metrics.histogram import DurationHistogram
from webapp.jobs.model.rate import SYSTEM_KEY, CountedBy, Rate
from webapp.jobs.queries.criteria import AdminJobCriteria, JobCriteria
from webapp.jobs.queries.pagination import TypeCounts
from webapp.jobs.queries.visible_jobs import TABS
from webapp.jobs.queueing.rates import uses_of
from webapp.services import Services
from webapp.views.admin import charts, job_type_details
from webapp.views.admin.job_type_details import ParameterRow, parameter_rows
from webapp.views.admin.overview import JobCount
from webapp.views.charts.dots import dot_plot, job_runs
from webapp.views.charts.percentile_bars import percentile_chart
from webapp.views.charts.time_range import PERIODS, chosen_range
from webapp.views.charts.time_scale import TimeScale
from webapp.views.page import confirmation
from webapp.views.page.audit_log import audited
from webapp.views.page.confirmation import Confirmation
from webapp.views.page.permissions import require, require_for_all
from webapp.views.page.request import services, signed_in
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.rate_words import rate_use
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

_DOTS = 300  # on a plot; more would hide each other

bp = Blueprint("types", __name__, url_prefix="/admin/types")
require_for_all(bp, Right.SEE_INSTALLATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disablement:
    """Why a job type is disabled, by whom and since when."""

    reason: str
    who: str
    at: FormattedTime


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeView:
    """A job type for display. ``rules`` are pairs of name and value; failures are counted from ``since``."""

    job_type: JobType
    parameters: tuple[ParameterRow, ...]
    limits: tuple[str, ...]
    starters: tuple[str, ...]
    retention: tuple[str, ...]
    rules: tuple[tuple[str, str], ...]
    counts: Mapping[str, JobCount]
    since: str
    disabled: Disablement | None

    @property
    def name(self) -> str:
        """Its name in commands and URLs."""
        return self.job_type.name

    @property
    def group(self) -> str:
        """Its group, in the language of the viewer."""
        return translated(self.job_type.group)

    @property
    def title(self) -> str:
        """Its title, not translated."""
        return self.job_type.title


@dataclass(frozen=True, slots=True, kw_only=True)
class _TypeFigures:
    """What is known of all job types, read with a fixed number of queries."""

    unfinished: Mapping[str, TypeCounts]
    ended: Mapping[tuple[str, str], int]
    disabled: Mapping[str, DisabledType]
    groups: Mapping[str, tuple[str, ...]]
    context: ViewerContext
    usual_retention: str
    largest_file: int


@bp.get("")
def index() -> ResponseReturnValue:
    """List all job types."""
    return render_template("admin/job_types/index.html", types=_type_views(services(), services().registry))


@bp.get("/<name>")
def show(name: str) -> ResponseReturnValue:
    """Show one job type."""
    [view] = _type_views(services(), [_find_type(name)])
    return render_template("admin/job_types/show.html", type=view, rate_uses=_rate_uses(view.job_type), **_charts(name))


@bp.route("/<name>/disable", methods=["GET", "POST"])
@require(Right.CHANGE_TYPES)
def disable(name: str) -> ResponseReturnValue:
    """Ask for a reason, then disable a job type."""
    job_type = _find_type(name)
    if page := confirmation.ask_reason(_disable_confirmation(job_type)):
        return page
    disable_type(name, confirmation.submitted_reason())
    return _redirect_to(name)


@bp.post("/<name>/enable")
@require(Right.CHANGE_TYPES)
def enable(name: str) -> ResponseReturnValue:
    """Enable a job type; its waiting jobs can run again."""
    enable_type(name)
    return _redirect_to(name)


def disable_type(name: str, reason: str) -> None:
    """Disable a job type for the signed-in user; pages and the API call it."""
    job_type = _find_type(name)
    with audited(AuditAction.TYPE_DISABLE, AuditTarget.TYPE, name, name=job_type.title, after={"reason": reason}):
        services().disabled_types.disable(name, reason=reason, by=signed_in().id)


def enable_type(name: str) -> None:
    """Enable a job type for the signed-in user; pages and the API call it."""
    job_type, disabled = _find_type(name), services().disabled_types.all().get(name)
    before = {"reason": disabled.reason} if disabled else None
    with audited(AuditAction.TYPE_ENABLE, AuditTarget.TYPE, name, name=job_type.title, before=before):
        services().disabled_types.enable(name)
    services().wake_ups.push(job_type.queue)


def _disable_confirmation(job_type: JobType) -> Confirmation:
    return Confirmation(
        title=_("Disable the job type %(title)s?", title=translated(job_type.title)),
        effect=_("It cannot be started from a page, a command or a schedule until it is enabled again."),
        notes=(_("Waiting jobs keep waiting; running jobs continue."),),
        action=_("Disable"),
        keep=_("Keep enabled"),
        post=url_for("types.disable", name=job_type.name),
        back=url_for("types.show", name=job_type.name),
        harmful=False,
    )


def _charts(name: str) -> dict[str, Any]:
    """Return the percentiles of the run time, from the rollup, and the latest jobs as dots, which an index finds."""
    context = viewer_context()
    period = chosen_range(context, "7d")
    hours = services().metrics.run_times_by_hour(period.start, type=name).get(name, {})
    by_bin = {index: DurationHistogram.sum_of(each) for index, each in period.bins.group(hours.items()).items()}
    recent = AdminJobCriteria(type_name=name, since=period.start)
    found = services().queries.lists.find(context.viewer, recent, limit=_DOTS + 1).jobs
    runs = job_runs(found[:_DOTS], context)
    is_cut = len(found) > _DOTS  # then the plot begins with the oldest run that it shows
    scale = TimeScale.of(min((run.at for run in runs if is_cut), default=period.start), context.now)
    return {
        "period": period,
        "periods": PERIODS,
        "run_times": percentile_chart(period.bins, by_bin),
        "latest": dot_plot(runs, scale, scale.ticks(context.zone)),
        "latest_cut": is_cut,
    }


def _rate_uses(job_type: JobType) -> tuple[tuple[str, str], ...]:
    """Return what the rate of a type counts, and how much of it is used now, the most used first."""
    rate = job_type.limits.rate
    if rate is None:
        return ()
    starts = uses_of(services().engine, job_type.name, rate)
    names = _names_of_keys([key for key, _ in starts], rate)
    if rate.counted_by is CountedBy.TYPE and not starts:
        return ((_("Now"), rate_use(rate, 0)),)
    return tuple((names[key], rate_use(rate, count)) for key, count in starts)


def _names_of_keys(keys: Sequence[str], rate: Rate) -> dict[str, str]:
    """Return what users call the keys of a rate: an owner, or what the payload says."""
    if rate.counted_by is CountedBy.TYPE:
        return dict.fromkeys(keys, _("Now"))
    values = {key: key.partition("/")[2] for key in keys}
    if rate.counted_by is CountedBy.KEY:
        return values
    owners = {key: UUID(value) for key, value in values.items() if value != SYSTEM_KEY}
    context = viewer_context(owners.values())
    return {key: context.label(owners.get(key)) for key in keys}


def _find_type(name: str) -> JobType:
    return services().registry.get(name) if name in services().registry else abort(404)


def _redirect_to(name: str) -> ResponseReturnValue:
    return redirect(url_for("types.show", name=name), 303)


def _type_views(services: Services, job_types: Iterable[JobType]) -> tuple[TypeView, ...]:
    """Describe job types, ordered by their translated titles."""
    figures = _type_figures(services)
    ordered = sorted(job_types, key=lambda job_type: translated(job_type.title))
    return tuple(_type_view(job_type, figures) for job_type in ordered)


def _type_figures(services: Services) -> _TypeFigures:
    disabled = services.disabled_types.all()
    context = viewer_context(entry.disabled_by for entry in disabled.values())
    return _TypeFigures(
        unfinished={
            tab: services.queries.lists.count_by_type(context.viewer, JobCriteria(tab=tab))
            for tab in ("waiting", "running")
        },
        ended=services.metrics.count_ended_by_type(charts.chart_start(context.now)),
        disabled=disabled,
        groups=services.user_groups.names_of_types(),
        context=context,
        usual_retention=job_type_details.usual_retention(
            services.pruner.retention, by_month=services.pruner.months.exist
        ),
        largest_file=services.settings.max_upload_bytes,
    )


def _type_view(job_type: JobType, figures: _TypeFigures) -> TypeView:
    disabled, groups = figures.disabled.get(job_type.name), figures.groups.get(job_type.name, ())
    return TypeView(
        job_type=job_type,
        parameters=parameter_rows(job_type, figures.largest_file),
        limits=job_type_details.limit_lines(job_type),
        starters=job_type_details.starter_lines(job_type, groups),
        retention=job_type_details.retention_lines(job_type, figures.usual_retention),
        rules=job_type_details.rule_rows(job_type, figures.usual_retention, groups),
        counts={
            **{tab: _job_count(counts, job_type.name) for tab, counts in figures.unfinished.items()},
            "failed": _failed_count(job_type, figures),
        },
        since=charts.chart_start(figures.context.now).isoformat(),
        disabled=_disablement(disabled, figures.context) if disabled else None,
    )


def _job_count(counts: TypeCounts, name: str) -> JobCount:
    return JobCount(count=counts.counts.get(name, 0), more=counts.cut)


def _failed_count(job_type: JobType, figures: _TypeFigures) -> JobCount:
    return JobCount(count=sum(figures.ended.get((job_type.name, status.value), 0) for status in TABS["failed"]))


def _disablement(disabled: DisabledType, context: ViewerContext) -> Disablement:
    return Disablement(
        reason=disabled.reason,
        who=context.name(disabled.disabled_by) if disabled.disabled_by else _("the command line"),
        at=context.when(disabled.disabled_at),
    )
