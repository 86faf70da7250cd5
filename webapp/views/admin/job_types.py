"""The job types: what each one asks for and obeys; disable and enable them.

What the pages of job types say of each one: its rules, what it asks for, how many there are, who disabled it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.permissions import Right
from webapp.jobs.definition.disabled_types import DisabledType
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.queries.pagination import TypeCounts
from webapp.jobs.queries.visible_jobs import TABS
from webapp.services import Services
from webapp.views.admin import charts, job_type_details
from webapp.views.admin.job_type_details import ParameterRow, parameter_rows
from webapp.views.admin.overview import JobCount
from webapp.views.page import confirmation
from webapp.views.page.audit_log import audited
from webapp.views.page.confirmation import Confirmation
from webapp.views.page.permissions import require, require_for_all
from webapp.views.page.request import services, signed_in
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

bp = Blueprint("types", __name__, url_prefix="/admin/types")
require_for_all(bp, Right.SEE_INSTALLATION)


@bp.get("")
def index() -> ResponseReturnValue:
    """List all job types."""
    return render_template("admin/job_types/index.html", types=type_views(services(), services().registry))


@bp.get("/<name>")
def show(name: str) -> ResponseReturnValue:
    """Show one job type."""
    (known,) = type_views(services(), [_find_type(name)])
    return render_template("admin/job_types/show.html", type=known)


@bp.route("/<name>/disable", methods=["GET", "POST"])
@require(Right.CHANGE_TYPES)
def disable(name: str) -> ResponseReturnValue:
    """Ask why, then let nobody start it."""
    known = _find_type(name)
    if page := confirmation.ask_reason(_disabling(known)):
        return page
    reason = confirmation.submitted_reason()
    with audited(AuditAction.TYPE_DISABLE, AuditTarget.TYPE, name, name=known.title, after={"reason": reason}):
        services().disabled_types.disable(name, reason=reason, by=signed_in().id)
    return _back(name)


@bp.post("/<name>/enable")
@require(Right.CHANGE_TYPES)
def enable(name: str) -> ResponseReturnValue:
    """Let it be started again, and what waits of it run."""
    known, disabled = _find_type(name), services().disabled_types.all().get(name)
    before = {"reason": disabled.reason} if disabled else None
    with audited(AuditAction.TYPE_ENABLE, AuditTarget.TYPE, name, name=known.title, before=before):
        services().disabled_types.enable(name)
    services().wake_ups.push(known.queue)
    return _back(name)


def _disabling(known: JobType) -> Confirmation:
    return Confirmation(
        title=_("Disable the job type %(title)s?", title=translated(known.title)),
        effect=_("It cannot be started from a page, a command or a schedule until it is enabled again."),
        notes=(_("Waiting jobs keep waiting; running jobs continue."),),
        action=_("Disable"),
        keep=_("Keep enabled"),
        post=url_for("types.disable", name=known.name),
        back=url_for("types.show", name=known.name),
        harmful=False,
    )


def _find_type(name: str) -> JobType:
    return services().registry.get(name) if name in services().registry else abort(404)


def _back(name: str) -> ResponseReturnValue:
    return redirect(url_for("types.show", name=name), 303)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disablement:
    """Why a type is disabled, by whom and since when."""

    reason: str
    who: str
    at: FormattedTime


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeView:
    """A job type as people read it; ``facts`` are its rules, each with its name. It failed since ``since``."""

    kind: JobType
    parameters: tuple[ParameterRow, ...]
    limits: tuple[str, ...]
    starters: tuple[str, ...]
    kept: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    cards: Mapping[str, JobCount]
    since: str
    disabled: Disablement | None

    @property
    def name(self) -> str:
        """The word for it in commands and addresses."""
        return self.kind.name

    @property
    def group(self) -> str:
        """What the reader calls those that belong together."""
        return translated(self.kind.group)

    @property
    def title(self) -> str:
        """What people call it."""
        return self.kind.title


@dataclass(frozen=True, slots=True, kw_only=True)
class _TypeFigures:
    spreads: Mapping[str, TypeCounts]
    ended: Mapping[tuple[str, str], int]
    disabled: Mapping[str, DisabledType]
    reading: ViewerContext
    usual: timedelta
    largest_file: int


def type_views(services: Services, kinds: Iterable[JobType]) -> tuple[TypeView, ...]:
    """Describe job types, by title as the reader knows it."""
    found = _found(services)
    return tuple(_view(kind, found) for kind in sorted(kinds, key=lambda kind: translated(kind.title)))


def _found(services: Services) -> _TypeFigures:
    disabled = services.disabled_types.all()
    reading = viewer_context(one.disabled_by for one in disabled.values())
    return _TypeFigures(
        spreads={tab: services.queries.lists.count_by_type(reading.viewer, tab) for tab in ("waiting", "running")},
        ended=services.metrics.count_ended_by_type(charts.chart_start(reading.now)),
        disabled=disabled,
        reading=reading,
        usual=timedelta(days=services.settings.retention_days),
        largest_file=services.settings.max_upload_bytes,
    )


def _view(kind: JobType, found: _TypeFigures) -> TypeView:
    disabled = found.disabled.get(kind.name)
    return TypeView(
        kind=kind,
        parameters=parameter_rows(kind, found.largest_file),
        limits=job_type_details.limit_lines(kind),
        starters=job_type_details.starter_lines(kind),
        kept=job_type_details.retention_lines(kind, found.usual),
        facts=job_type_details.rule_rows(kind, found.usual),
        cards={
            **{tab: _job_count(spread, kind.name) for tab, spread in found.spreads.items()},
            "failed": _failed_count(kind, found),
        },
        since=charts.chart_start(found.reading.now).isoformat(),
        disabled=_disablement(disabled, found.reading) if disabled else None,
    )


def _job_count(spread: TypeCounts, name: str) -> JobCount:
    return JobCount(count=spread.counts.get(name, 0), more=spread.cut)


def _failed_count(kind: JobType, found: _TypeFigures) -> JobCount:
    return JobCount(count=sum(found.ended.get((kind.name, status.value), 0) for status in TABS["failed"]))


def _disablement(disabled: DisabledType, reading: ViewerContext) -> Disablement:
    return Disablement(
        reason=disabled.reason,
        who=reading.name(disabled.disabled_by) if disabled.disabled_by else _("the command line"),
        at=reading.when(disabled.disabled_at),
    )
