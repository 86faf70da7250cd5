"""Installations of 10,000,000 and 100,000 jobs on PostgreSQL: what grows from one to the other.

Both have the same kinds of jobs, owners and histories, from the same statements. Everything is measured on both in
turn, in one run, so the figures are ratios: pages, the API, a worker, creation, retention and `deskjob verify`.
"""

from collections.abc import Callable
from contextlib import ExitStack

from benchmarks import servers
from benchmarks.rounds import Spread, Verdict, ratio
from benchmarks.rows.installation import CHUNK, LargeInstallation, Request, large_installation
from benchmarks.rows.verification import verify
from webapp.views.page.problem_details import API_ROOT

GROWTH, RATE, MEMORY = 1.5, 0.7, 1.2
FEW, MANY = 100_000, 10_000_000
SHORT_FEW, SHORT_MANY = 10_000, 50_000
WAITING, SHORT_WAITING = 100_000, 5_000
REQUESTS = (
    Request("the list", "/jobs"),
    Request("the list, unchanged", "/jobs", polled=True),
    Request("failed jobs", "/jobs?tab=failed"),
    Request("a type", "/jobs?when=30&type=dataset_report"),
    Request("a tag", "/jobs?tag=nightly"),
    Request("a far page", "/jobs?before={far}"),
    Request("a search", "/jobs?q=orders-"),
    Request("a job", "/jobs/{job}"),
    Request("overview", "/admin", "admin"),
    Request("all jobs", "/admin/jobs", "admin"),
    Request("all failed", "/admin/jobs?tab=failed", "admin"),
    Request("of a user", "/admin/jobs?owner={owner}", "admin"),
    Request("of an error", "/admin/jobs?error={error}", "admin"),
    Request("errors", "/admin/errors", "admin"),
    Request("the API's list", f"{API_ROOT}/jobs", "token"),
    Request("failed in the API", f"{API_ROOT}/jobs?status=failed", "token"),
    Request("metrics", "/metrics", "token"),
)


def run(*, short: bool) -> Verdict:
    """Fill both, check both, and compare them."""
    few, many, waiting, rounds = (SHORT_FEW, SHORT_MANY, SHORT_WAITING, 1) if short else (FEW, MANY, WAITING, 7)
    with servers.valkey() as redis, ExitStack() as stack:
        large, small = (stack.enter_context(large_installation(redis, rows)) for rows in (many, few))
        checked, memory = _verification(large, small, many, few)
        grown = {request.name: _growth(request, large, small, rounds) for request in REQUESTS}
        rates = _rates(large, small, waiting, rounds=1 if short else 4, seconds=1.0 if short else 4.0)
    slowest = max(grown, key=lambda name: grown[name].median)
    return Verdict(
        values=f"{many:,} jobs compared with {few:,}: {len(grown)} pages and requests at most "
        f"{grown[slowest]:.2f} times ({slowest}); "
        + ", ".join(f"{name} {rate:.2f} of the rate" for name, rate in rates.items())
        + f"; `verify` checks {checked:.2f} times as many jobs per second in {memory:.2f} times the memory",
        goal=f"at most {GROWTH} times, at least {RATE} of the rate, {MEMORY} times the memory",
        ok=grown[slowest].median <= GROWTH
        and min(rate.median for rate in rates.values()) >= RATE
        and checked >= RATE
        and memory <= MEMORY,
    )


def _verification(large: LargeInstallation, small: LargeInstallation, many: int, few: int) -> tuple[float, float]:
    """Return the ratio of jobs that are checked per second, and that of the memory."""
    runs = [(verify(each.services), jobs) for each, jobs in ((small, few), (large, many))]
    for found, jobs in runs:
        figures = f"{found.seconds:.1f} s, {jobs / found.seconds:,.0f} jobs per second, {found.memory / 1e6:.0f} MB"
        print(f"  verify, {jobs:,} jobs: {figures}; {found.slowest()}", flush=True)
    (below, fewer), (above, more) = runs
    return (more / above.seconds) / (fewer / below.seconds), above.memory / below.memory


def _growth(request: Request, large: LargeInstallation, small: LargeInstallation, rounds: int) -> Spread:
    for each in (large, small):
        each.seconds(request)  # what is read once is cached
    pairs = [(large.seconds(request), small.seconds(request)) for _ in range(rounds)]
    times = Spread(tuple(many / few for many, few in pairs))
    shortest = [min(each) * 1000 for each in zip(*pairs, strict=True)]
    print(f"  {request.name}: {times:.2f} times, {shortest[0]:.1f} and {shortest[1]:.1f} ms", flush=True)
    return times


def _rates(
    large: LargeInstallation, small: LargeInstallation, waiting: int, *, rounds: int, seconds: float
) -> dict[str, Spread]:
    """Return the ratios of what is done per second, a worker with a short queue and with a long one."""
    found = {}

    def compare(name: str, done: Callable[[LargeInstallation], float], times: int) -> None:
        found[name] = ratio(name, lambda: done(large), lambda: done(small), rounds=times, unit="per second")

    def refill_and_work(installation: LargeInstallation) -> float:
        installation.create()
        return installation.run_worker(seconds)

    compare("a worker", refill_and_work, rounds)
    compare("creation", LargeInstallation.create, waiting // CHUNK)
    compare(f"a worker with {waiting:,} waiting jobs", lambda each: each.run_worker(seconds), rounds)
    compare("retention", LargeInstallation.prune, rounds)
    return found
