"""One page of the list of jobs: loads it, or refreshes the rows of a page that is open."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from webapp.jobs.model.job import Job, Status
from webapp.jobs.model.progress import UNKNOWN_RUN
from webapp.jobs.queries.pagination import ListChangeTag, TabCounts
from webapp.jobs.queries.visible_jobs import PAGE, TAB_CEILING, TABS
from webapp.services import Services
from webapp.views.job_list.columns import chosen_columns
from webapp.views.job_list.filter import Filter, ParsedFilter
from webapp.views.job_list.folded_rows import ListRow, fold_rows
from webapp.views.job_list.row import DeletedRow, JobRow, job_row
from webapp.views.job_list.search_match import search_words
from webapp.views.job_list.visible_rows import VisibleRows
from webapp.views.page import polling
from webapp.views.page.request import viewer
from webapp.views.page.topbar import mark_failures_seen
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.translations import lazy_gettext

CARDS = 6
LABELS = {
    "all": lazy_gettext("All"),
    "running": lazy_gettext("Running"),
    "waiting": lazy_gettext("Waiting"),
    "scheduled": lazy_gettext("Scheduled"),
    "failed": lazy_gettext("Failed"),
    "done": lazy_gettext("Done"),
    "stopped": lazy_gettext("Stopped"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """A tab above the list; ``count`` is that of the filter, with a plus sign if there may be more."""

    name: str
    label: str
    count: str
    filter: Filter


@dataclass(frozen=True, slots=True, kw_only=True)
class _Matches:
    """How many jobs match: in the tab of the list, and in each tab."""

    total: str
    tabs: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobList:
    """One page of the list, with the parts around it that change.

    ``cards`` are the jobs that ran when the page was opened; ``new_count`` is the number of jobs that it does
    not show yet. ``list_tag`` is the change tag of a page that is opened now. ``had_idle_queues`` keeps the
    place of the banner while the page is open, so that no row moves. ``next_search_page`` continues a search
    that stopped before it had read every job.
    """

    filter: Filter
    visible: VisibleRows
    list_tag: ListChangeTag
    tabs: tuple[Tab, ...]
    cards: tuple[JobRow | DeletedRow, ...]
    rows: tuple[ListRow, ...]
    new_count: int
    has_more: bool
    match_count: str
    older_page: Filter | None
    next_search_page: Filter | None
    running_count: int
    idle_queues: tuple[str, ...]
    had_idle_queues: bool
    offers_sharing: bool
    poll_seconds: float
    problem: str = ""

    @property
    def any_running(self) -> bool:
        """Whether a job on a card is still running."""
        return any(isinstance(card, JobRow) and card.runs for card in self.cards)

    @property
    def type_names(self) -> frozenset[str]:
        """The types of the jobs on the page; those of folded jobs are not offered."""
        return frozenset(row.type_name for row in (*self.cards, *self.rows) if isinstance(row, JobRow))


def load_job_list(services: Services, parsed: ParsedFilter) -> JobList:
    """Return the page of the list that the filter names."""
    job_filter = parsed.filter
    cards = _running_jobs(services, parsed)
    found = services.queries.lists.find(viewer(), parsed.criteria, before=job_filter.before, limit=PAGE + 1)
    page, on_cards = found.jobs[:PAGE], {job.id for job in cards}
    if job_filter.tab == "failed":
        mark_failures_seen(page)
    visible = VisibleRows.of((job.id for job in cards), (job.id for job in page if job.id not in on_cards))
    has_older = len(found.jobs) > PAGE
    return _job_list(
        services,
        parsed,
        visible,
        {job.id: job for job in (*cards, *page)},
        has_more=has_older or found.scanned_to is not None or not job_filter.is_first_page,
        older_page=job_filter.after(page[-1].id) if has_older else None,
        next_search_page=job_filter.after(found.scanned_to) if found.scanned_to else None,
    )


def refresh_job_list(
    services: Services, parsed: ParsedFilter, visible: VisibleRows, *, new_count: int, had_idle_queues: bool
) -> JobList:
    """Return the current state of the jobs that an open page shows, with the number of new ones."""
    current = services.queries.lists.find_by_ids(viewer(), visible.ids)
    return _job_list(
        services, parsed, visible, current, has_more=True, new_count=new_count, had_idle_queues=had_idle_queues
    )


def _job_list(
    services: Services,
    parsed: ParsedFilter,
    visible: VisibleRows,
    jobs: Mapping[UUID, Job],
    *,
    has_more: bool,
    new_count: int = 0,
    older_page: Filter | None = None,
    next_search_page: Filter | None = None,
    had_idle_queues: bool | None = None,
) -> JobList:
    counts = services.queries.lists.count_tabs(viewer(), with_children=parsed.filter.children)
    people = (user for job in jobs.values() for user in (job.owner.user_id, job.triggered_by))
    context = viewer_context(people, jobs.values())
    rows = _rows(services, jobs.values(), context, search_words(parsed.filter.text))
    listed = [rows.get(job_id, DeletedRow(job_id)) for job_id in visible.rows]
    waits_for_children = any(job.status is Status.WAITING for job in jobs.values())
    idle = _idle_queues(services) if counts["waiting"] or waits_for_children else ()
    matches = _matches(services, parsed, counts, shown=len(jobs), has_more=has_more)
    return JobList(
        filter=parsed.filter,
        visible=visible,
        list_tag=ListChangeTag.of_page(jobs.values(), counts),
        tabs=tuple(_tab(name, matches.tabs[name], parsed.filter) for name in TABS),
        cards=tuple(rows.get(job_id, DeletedRow(job_id)) for job_id in visible.cards),
        rows=fold_rows(listed) if parsed.filter.folds_system_jobs else tuple(listed),
        new_count=new_count,
        has_more=has_more,
        match_count=matches.total,
        older_page=older_page,
        next_search_page=next_search_page,
        running_count=counts["running"],
        idle_queues=idle,
        had_idle_queues=bool(idle) if had_idle_queues is None else had_idle_queues,
        offers_sharing=bool(context.policy.groups) or context.policy.shares_with_all,
        poll_seconds=polling.list_interval(counts, jobs.values(), context.now),
        problem=parsed.problem,
    )


def _matches(
    services: Services, parsed: ParsedFilter, all_counts: Mapping[str, int], *, shown: int, has_more: bool
) -> _Matches:
    """Count all jobs, or with a filter those that match among the newest; ``shown`` are all unless ``has_more``."""
    job_filter = parsed.filter
    if not job_filter.is_narrowed:
        tabs = {name: _number(count) for name, count in all_counts.items()}
        return _Matches(total=tabs[job_filter.tab] if has_more else _number(shown), tabs=tabs)
    found = services.queries.lists.count_matching_tabs(viewer(), parsed.criteria)
    total = _total(services, parsed, found, shown) if has_more else _number(shown)
    if job_filter.failed_since:  # which the other tabs do not have
        return _Matches(total=total, tabs={**dict.fromkeys(TABS, ""), job_filter.tab: total})
    tabs = {name: _lower_bound(count) if found.cut else _number(count) for name, count in found.counts.items()}
    of_whole_tab = found.match == found.counts[job_filter.tab]  # not of one of its statuses
    return _Matches(total=total, tabs={**tabs, job_filter.tab: total} if of_whole_tab else tabs)


def _total(services: Services, parsed: ParsedFilter, found: TabCounts, shown: int) -> str:
    if not found.cut:
        return _number(found.match)
    exact = services.queries.lists.count_if_indexed(viewer(), parsed.criteria)
    return _lower_bound(max(found.match, shown)) if exact is None else _number(exact)


def _running_jobs(services: Services, parsed: ParsedFilter) -> tuple[Job, ...]:
    """Return the jobs shown as cards above the first page of the tab "All"."""
    if parsed.filter.tab != "all" or parsed.filter.text or not parsed.filter.is_first_page:
        return ()
    return services.queries.lists.find(viewer(), replace(parsed.criteria, tab="running"), limit=CARDS).jobs


def _rows(
    services: Services, jobs: Collection[Job], context: ViewerContext, words: Sequence[str]
) -> dict[UUID, JobRow]:
    attached = services.queries.files.attachments_of([job.id for job in jobs if context.may_open(job)])
    running_types, columns = {job.type for job in jobs if job.is_running}, chosen_columns()
    usual = {name: services.queries.estimates.usual_run(name) for name in running_types}
    return {
        job.id: job_row(
            job,
            attached.get(job.id, ()),
            context,
            run=usual.get(job.type, UNKNOWN_RUN),
            words=words,
            columns=columns,
        )
        for job in jobs
    }


def _tab(name: str, count: str, job_filter: Filter) -> Tab:
    return Tab(name=name, label=str(LABELS[name]), count=count, filter=job_filter.in_tab(name))


def _lower_bound(count: int) -> str:
    return f"{min(count, TAB_CEILING)}+" if count else ""


def _number(count: int) -> str:
    return f"{TAB_CEILING}+" if count >= TAB_CEILING else str(count)


def _idle_queues(services: Services) -> tuple[str, ...]:
    """Return the queues without a worker in which jobs of this viewer wait; paused queues have their own banner."""
    waiting = services.queries.lists.page(viewer(), tab="waiting")
    queues = sorted({job.queue for job in waiting if job.status is Status.QUEUED and not job.record_only})
    idle = tuple(queue for queue in queues if not services.wake_ups.workers_alive(queue))
    paused = services.queues.paused() if idle else ()
    return tuple(queue for queue in idle if queue not in paused)
