"""The list of jobs: asks the services for one page of it, or how that page stands now, and describes that."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from webapp.jobs.model.job import Job, Status
from webapp.jobs.queries.pagination import ListChangeTag
from webapp.jobs.queries.visible_jobs import PAGE, TAB_CEILING, TABS
from webapp.services import Services
from webapp.views.job_list.filter import Asked, Filter
from webapp.views.job_list.row import Gone, JobRow, job_row
from webapp.views.job_list.visible_rows import Shown
from webapp.views.page import polling
from webapp.views.page.request import viewer
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
    """One tab over the list; ``count`` is empty where it would be wrong."""

    name: str
    label: str
    count: str
    filter: Filter


@dataclass(frozen=True, slots=True, kw_only=True)
class JobList:
    """One page of the list, with everything around it that changes.

    ``cards`` are the jobs that ran when the page was opened, ``news`` how many jobs it does not show yet.
    ``pulse`` is that of a page opened now, which shows all that there is.
    ``were_idle`` tells that queues were idle then: the place of the banner is kept.
    ``searched_to`` is the page that goes on where a search has ended before everything was looked at.
    """

    filter: Filter
    shown: Shown
    pulse: ListChangeTag
    tabs: tuple[Tab, ...]
    cards: tuple[JobRow | Gone, ...]
    rows: tuple[JobRow | Gone, ...]
    news: int
    more: bool
    matching: str
    older: Filter | None
    searched_to: Filter | None
    running_count: int
    idle_queues: tuple[str, ...]
    were_idle: bool
    seconds: float
    problem: str = ""

    @property
    def some_run(self) -> bool:
        """One of the cards still runs."""
        return any(isinstance(card, JobRow) and card.runs for card in self.cards)

    @property
    def type_names(self) -> frozenset[str]:
        """Of which types there are jobs on the page."""
        return frozenset(row.type_name for row in (*self.cards, *self.rows) if isinstance(row, JobRow))


def job_list(services: Services, wanted: Asked) -> JobList:
    """Ask for the page of the list that the filter names."""
    given, who = wanted.filter, viewer()
    running = _running(services, wanted)
    found = services.queries.lists.find(who, wanted.chosen, before=given.before, limit=PAGE + 1)
    page, carded = found.jobs[:PAGE], {job.id for job in running}
    shown = Shown(tuple(carded_job.id for carded_job in running), tuple(job.id for job in page if job.id not in carded))
    more = len(found.jobs) > PAGE
    return _described(
        services,
        wanted,
        shown,
        {job.id: job for job in (*running, *page)},
        more=more or found.scanned_to is not None or not given.is_first_page,
        older=given.after(page[-1].id) if more else None,
        searched_to=given.after(found.scanned_to) if found.scanned_to else None,
    )


def job_list_again(services: Services, wanted: Asked, shown: Shown, *, new: int, were_idle: bool) -> JobList:
    """Ask how the jobs stand that a page shows, and for how many there are beside them."""
    there = services.queries.lists.find_by_ids(viewer(), shown.ids)
    return _described(services, wanted, shown, there, news=new, were_idle=were_idle)


def _described(
    services: Services,
    wanted: Asked,
    shown: Shown,
    there: Mapping[UUID, Job],
    *,
    news: int = 0,
    more: bool = False,
    older: Filter | None = None,
    searched_to: Filter | None = None,
    were_idle: bool | None = None,
) -> JobList:
    counts = services.queries.lists.count_tabs(viewer())
    people = viewer_context(person for job in there.values() for person in (job.owner.user_id, job.triggered_by))
    rows = _rows(services, there.values(), people)
    idle = _idle_queues(services) if counts["waiting"] else ()
    return JobList(
        filter=wanted.filter,
        shown=shown,
        pulse=ListChangeTag.of_page(there.values(), counts),
        tabs=tuple(_tab(name, counts[name], wanted.filter) for name in TABS),
        cards=tuple(rows.get(one, Gone(one)) for one in shown.cards),
        rows=tuple(rows.get(one, Gone(one)) for one in shown.rows),
        news=news,
        more=more,
        matching=_matching(services, wanted, counts) if more else _number(len(there)),
        older=older,
        searched_to=searched_to,
        running_count=counts["running"],
        idle_queues=idle,
        were_idle=bool(idle) if were_idle is None else were_idle,
        seconds=polling.list_interval(counts, there.values(), people.now),
        problem=wanted.problem,
    )


def _matching(services: Services, wanted: Asked, counts: Mapping[str, int]) -> str:
    """Say how many jobs match; empty where every page would have to read them once more."""
    if not wanted.filter.is_narrowed:
        return _number(counts[wanted.filter.tab])
    count = services.queries.lists.count_if_indexed(viewer(), wanted.chosen)
    return "" if count is None else _number(count)


def _running(services: Services, wanted: Asked) -> tuple[Job, ...]:
    """Return the jobs shown as cards, above the first page of everything."""
    if wanted.filter.tab != "all" or wanted.filter.text or not wanted.filter.is_first_page:
        return ()
    return services.queries.lists.find(viewer(), replace(wanted.chosen, tab="running"), limit=CARDS).jobs


def _rows(services: Services, those: Iterable[Job], people: ViewerContext) -> dict[UUID, JobRow]:
    shown: Sequence[Job] = tuple(those)
    attached = services.queries.files.attachments_of([job.id for job in shown if people.may_open(job)])
    running = {job.type for job in shown if job.is_running}
    usual = {kind: services.queries.estimates.usual_duration(kind) for kind in running}
    return {job.id: job_row(job, attached.get(job.id, ()), people, usual=usual.get(job.type)) for job in shown}


def _tab(name: str, count: int, given: Filter) -> Tab:
    return Tab(
        name=name,
        label=str(LABELS[name]),
        count="" if given.is_narrowed else _number(count),
        filter=given.in_tab(name),
    )


def _number(count: int) -> str:
    return f"{TAB_CEILING}+" if count >= TAB_CEILING else str(count)


def _idle_queues(services: Services) -> tuple[str, ...]:
    """Return the queues in which this viewer's jobs wait and nobody works, but those whose pause is told anyway."""
    waiting = services.queries.lists.page(viewer(), tab="waiting")
    queues = sorted({job.queue for job in waiting if job.status is Status.QUEUED and not job.record_only})
    idle = tuple(queue for queue in queues if not services.wake_ups.workers_alive(queue))
    paused = {queue.name for queue in services.queues.paused()} if idle else set()
    return tuple(queue for queue in idle if queue not in paused)
