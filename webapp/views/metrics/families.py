"""The figures as families of metrics. docs/monitoring.md explains them; the dashboard and the alerts name them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from webapp.jobs.metrics.totals import SummedDurations, Totals
from webapp.jobs.model.job import NO_QUEUE
from webapp.jobs.monitoring.figures import CEILING, InstallationFigures
from webapp.jobs.monitoring.snapshot import Capacity
from webapp.jobs.monitoring.workers import Worker
from webapp.version import version
from webapp.views.metrics.request_counts import BOUNDS, RequestCounts, RequestTotals

PREFIX = "deskjob_"
WORKER_STATES = ("idle", "busy", "stopping", "lost")
Rows = Iterable[tuple[Sequence[str], float]]


class Families(Collector):
    """What an encoder of prometheus-client writes."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Return the families."""
        return self._families


def of_installation(figures: InstallationFigures | None) -> list[Metric]:
    """Return the metrics of the installation; without figures, only that the database does not answer."""
    up = _gauge("database_up", "Whether the database answers.", figures is not None)
    return [up] if figures is None else [up, *_jobs(figures), *_attempts(figures.totals), *_parts(figures)]


def of_web(counts: RequestCounts) -> list[Metric]:
    """Return the metrics of the web server and of its database connections."""
    build = InfoMetricFamily(PREFIX + "build", "The version of Deskjob.", {"version": version()})
    requests = _counter("http_requests", "HTTP requests by endpoint and class of status.", ("endpoint", "status"))
    durations = HistogramMetricFamily(
        PREFIX + "http_request_duration_seconds", "Time until a response began.", labels=("endpoint",)
    )
    for endpoint, totals in sorted(counts.by_endpoint().items()):
        for status, count in totals.by_class.items():
            requests.add_metric((endpoint, status), count)
        durations.add_metric((endpoint,), _http_buckets(totals), totals.seconds)
    used, idle = counts.connections()
    pool = _gauges(
        "database_pool_connections",
        "Database connections of the web server, as of the latest request of each process.",
        ("state",),
        [(("used",), used), (("idle",), idle)],
    )
    return [build, requests, durations, pool]


def _jobs(figures: InstallationFigures) -> Iterator[Metric]:
    yield _gauges(
        "jobs_unfinished",
        f"Unfinished jobs, counted up to {CEILING} of each status and of each queue.",
        ("queue", "type", "status"),
        [((queue, type_name, status), count) for (queue, type_name, status), count in figures.unfinished.items()],
    )
    yield _gauges(
        "jobs_to_approve",
        f"Jobs that wait for approval, counted up to {CEILING}.",
        ("type",),
        [((type_name,), count) for type_name, count in sorted(figures.to_approve.items())],
    )
    yield _gauges(
        "jobs_to_answer",
        f"Jobs that wait for the answer of a person, counted up to {CEILING}.",
        ("type",),
        [((type_name,), count) for type_name, count in sorted(figures.to_answer.items())],
    )
    yield _gauge(
        "flows_unfinished", f"Flows that have not ended, among the first {CEILING} unfinished jobs.", figures.flows
    )
    yield _gauges(
        "jobs_launched",
        "Jobs that a launcher has started, whose process has not begun yet.",
        ("queue",),
        [((queue,), count) for queue, count in sorted(figures.launched.items())],
    )
    yield _gauges(
        "jobs_waiting_for_rate",
        f"Jobs that wait because their rate is used up, counted up to {CEILING}.",
        ("type",),
        [((type_name,), count) for type_name, count in sorted(figures.over_rate.items())],
    )
    yield _gauges(
        "budgets_used_up",
        "Users who have reached a limit of their budget in this month.",
        ("limit",),
        [((limit,), count) for limit, count in sorted(figures.used_up_budgets.items())],
    )
    yield _gauges(
        "queue_oldest_wait_seconds",
        "How long the oldest queued job has waited.",
        ("queue",),
        _seconds_by_name(figures.oldest_waits),
    )
    workers = Counter(
        queue for worker in figures.workers if worker.state in {"idle", "busy"} for queue in worker.queues
    )
    queues = {*workers, *figures.paused_queues, *(queue for queue, _type, _status in figures.unfinished)} - {NO_QUEUE}
    yield _gauges(
        "queue_workers",
        "Workers that take jobs from the queue.",
        ("queue",),
        [((name,), workers[name]) for name in sorted(queues)],
    )
    yield _gauge("paused", "Whether everything is paused, so that no job starts.", figures.everything_paused)
    yield _gauges(
        "queue_paused",
        "Whether the queue is paused.",
        ("queue",),
        [((name,), name in figures.paused_queues) for name in sorted(queues)],
    )


def _attempts(totals: Totals) -> Iterator[Metric]:
    attempts = _counter("attempts", "Ended attempts; an outcome is the name of an event.", ("type", "queue", "outcome"))
    for cell, count in sorted(totals.attempts.items()):
        attempts.add_metric(cell, count)
    yield attempts
    yield _histogram("run_duration_seconds", "Run times of completed attempts.", totals.run_times)
    yield _histogram("wait_duration_seconds", "Waits of first attempts until they started.", totals.wait_times)
    events = _counter("job_events", "Events of jobs by name.", ("event",))
    for name, count in sorted(totals.events.items()):
        events.add_metric((name,), count)
    yield events


def _parts(figures: InstallationFigures) -> Iterator[Metric]:
    yield from _workers(figures.workers)
    yield _gauge("leases", "Leases of work-horses.", figures.leases)
    yield _gauge("leases_overdue", "Leases that were not renewed in time; the clock rescues their jobs.",
                 figures.overdue_leases)  # fmt: skip
    silent = figures.clock_silent_for
    yield _gauge("clock_silent_seconds", "Age of the latest heartbeat of a clock; +Inf if there is none.",
                 float("inf") if silent is None else silent.total_seconds())  # fmt: skip
    ages = _seconds_by_name(figures.rollup_ages)
    yield _gauges("rollup_age_seconds", "Time since a rollup ran; the counters lag behind by it.", ("rollup",), ages)
    planned = figures.schedules
    states = [(("active",), planned.active), (("paused",), planned.paused)]
    yield _gauges("schedules", "Schedules by state.", ("state",), states)
    yield _gauge("schedules_of_users", "Schedules whose jobs belong to users.", planned.of_users)
    yield _gauge("schedule_delay_seconds", "By how long the most delayed schedule is late.",
                 planned.latest_delay.total_seconds())  # fmt: skip
    errors = [((state,), figures.errors.get(state, 0)) for state in ("open", "resolved", "ignored")]
    yield _gauges("errors", "Groups of errors by state.", ("state",), errors)
    yield from _storage(figures)


def _workers(workers: Sequence[Worker]) -> Iterator[Metric]:
    states = Counter(worker.state for worker in workers)
    yield _gauges("workers", "Workers by state.", ("state",), [((name,), states[name]) for name in WORKER_STATES])
    memory = sum((worker.memory or 0) + (worker.horse_memory or 0) for worker in workers)
    yield _gauge("workers_memory_bytes", "Memory of all workers and their work-horses.", memory)


def _storage(figures: InstallationFigures) -> Iterator[Metric]:
    yield _gauge("database_size_bytes", "Size of the database.", figures.database_bytes)
    if figures.connections is not None:
        yield from _capacity("database_server_connections", "Client connections of the database server",
                             figures.connections)  # fmt: skip
    yield _gauge("redis_up", "Whether Redis answers.", figures.redis is not None)
    if figures.redis is not None:
        yield from _capacity("redis_memory_bytes", "Memory of Redis", figures.redis)
    yield from _capacity("disk_bytes", "Disk of the jobs' files", figures.disk)


def _capacity(name: str, text: str, capacity: Capacity) -> Iterator[Metric]:
    yield _gauge(f"{name}_used", f"{text}: what is used.", capacity.used)
    yield _gauge(f"{name}_limit", f"{text}: how much there can be; 0 without a limit.", capacity.total)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(PREFIX + name, text, float(value))


def _gauges(name: str, text: str, labels: Sequence[str], rows: Rows) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, text, labels=labels)
    for values, value in rows:
        family.add_metric(values, float(value))
    return family


def _counter(name: str, text: str, labels: Sequence[str]) -> CounterMetricFamily:
    return CounterMetricFamily(PREFIX + name, text, labels=labels)


def _histogram(name: str, text: str, times: Mapping[tuple[str, str], SummedDurations]) -> Metric:
    family = HistogramMetricFamily(PREFIX + name, text, labels=("type", "queue"))
    for cell, durations in sorted(times.items()):
        buckets = [(_bound(bound), count) for bound, count in durations.cumulative()]
        family.add_metric(cell, buckets, durations.seconds)
    return family


def _http_buckets(totals: RequestTotals) -> list[tuple[str, float]]:
    found, below = [], 0
    for bound, count in zip((*BOUNDS, float("inf")), totals.buckets, strict=True):
        below += count
        found.append((_bound(bound), float(below)))
    return found


def _bound(seconds: float) -> str:
    return "+Inf" if seconds == float("inf") else str(float(seconds))


def _seconds_by_name(times: Mapping[str, timedelta]) -> Rows:
    return [((name,), waited.total_seconds()) for name, waited in sorted(times.items())]
