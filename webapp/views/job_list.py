"""The list of jobs: asks the services for one page of it, and describes that."""

from collections.abc import Sequence
from dataclasses import dataclass

from webapp.jobs.job import Job, Status
from webapp.jobs.queries import COUNT_CEILING, PAGE, TABS
from webapp.services import Services
from webapp.views import polling
from webapp.views.filters import Filter
from webapp.views.job_row import JobRow, job_row
from webapp.views.reader import Reader, reader
from webapp.views.viewer import viewer

CARDS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """One tab over the list; ``count`` is empty where it would be wrong."""

    name: str
    label: str
    count: str
    filter: Filter


@dataclass(frozen=True, slots=True, kw_only=True)
class JobList:
    """One page of the list, with everything around it that changes."""

    filter: Filter
    tabs: tuple[Tab, ...]
    running: tuple[JobRow, ...]
    rows: tuple[JobRow, ...]
    older: Filter | None
    running_count: int
    idle_queues: tuple[str, ...]
    seconds: float


def job_list(services: Services, chosen: Filter) -> JobList:
    """Ask for the page of the list that ``chosen`` names."""
    who = viewer()
    counts = services.jobs.counts(who)
    running = _running(services, chosen)
    found = services.jobs.page(who, tab=chosen.tab, type_name=chosen.type_name, before=chosen.before, limit=PAGE + 1)
    shown, carded = found[:PAGE], {job.id for job in running}
    people = reader(person for job in (*running, *shown) for person in (job.owner.user_id, job.triggered_by))
    return JobList(
        filter=chosen,
        tabs=tuple(_tab(name, counts[name], chosen) for name in TABS),
        running=_rows(services, running, people),
        rows=_rows(services, [job for job in shown if job.id not in carded], people),
        older=chosen.after(shown[-1].id) if len(found) > PAGE else None,
        running_count=counts["running"],
        idle_queues=_idle_queues(services) if counts["waiting"] else (),
        seconds=polling.list_interval(counts),
    )


def _running(services: Services, chosen: Filter) -> tuple[Job, ...]:
    """Return the jobs shown as cards, above the first page of everything."""
    if chosen.tab != "all" or not chosen.is_first_page:
        return ()
    return services.jobs.page(viewer(), tab="running", type_name=chosen.type_name, limit=CARDS)


def _rows(services: Services, shown: Sequence[Job], people: Reader) -> tuple[JobRow, ...]:
    attached = services.jobs.attachments_of([job.id for job in shown if people.may_open(job)])
    usual = {job.type: services.jobs.usual_duration(job.type) for job in shown if job.is_running}
    return tuple(
        job_row(
            job,
            attached.get(job.id, ()),
            people,
            usual=usual.get(job.type),
        )
        for job in shown
    )


def _tab(name: str, count: int, chosen: Filter) -> Tab:
    number = f"{COUNT_CEILING}+" if count >= COUNT_CEILING else str(count)
    return Tab(
        name=name,
        label=name.capitalize(),
        count="" if chosen.type_name else number,
        filter=chosen.in_tab(name),
    )


def _idle_queues(services: Services) -> tuple[str, ...]:
    """Return the queues in which this viewer's jobs wait and nobody works."""
    waiting = services.jobs.page(viewer(), tab="waiting")
    queues = sorted({job.queue for job in waiting if job.status is Status.QUEUED and not job.record_only})
    return tuple(queue for queue in queues if not services.wake_ups.workers_alive(queue))
