"""The job list: growth from 10,000 to 1,000,000 jobs, unchanged polls, page weight, and rq-dashboard's page.

Requests go through the whole application in this process; every figure is a median of ratios.
"""

import html
import re
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

from flask.testing import FlaskClient

from benchmarks import servers
from benchmarks.page_fixture import UnexpectedStatus, page_fixture, seconds, seconds_waited
from benchmarks.peers import environment
from benchmarks.peers.peer_process import peer_process
from benchmarks.rounds import Spread, Verdict
from benchmarks.web_server import serve, session_cookie
from webapp.services import Services
from webapp.views.job_list import row_cache

GROWTH, SAVED, KILOBYTES = 1.2, 3.0, 70
LISTS = ("/jobs", "/jobs?tab=failed", "/jobs?tab=stopped", "/jobs?whose=public", "/jobs?when=30&type=dataset_report")
KINDS = ("sqlite", "postgresql")
PEER_ROWS, SHORT_PEER_ROWS, PEER_ROUNDS = (10_000, 100_000), (5_000,), 15


def run(*, short: bool) -> Verdict:
    """Compare many rows with few on both databases, a 304 with a full response, and this list with rq-dashboard's."""
    # one per cent is public, and each list must have a second page, which costs a link and a count
    few, many, rounds = (6_000, 60_000, 7) if short else (10_000, 1_000_000, 21)
    grown, saved = {}, {}
    with servers.valkey() as redis:
        for kind in KINDS:
            with ExitStack() as stack:
                small, large = (stack.enter_context(page_fixture(kind, redis, rows)) for rows in (few, many))
                grown[kind] = _growth(kind, small, large, rounds)
                saved[kind] = _saving(kind, large, rounds)
                weight = _first_load(large)
        others = _compare_with_peer(redis, SHORT_PEER_ROWS if short else PEER_ROWS)
    return Verdict(
        values=f"a list among {many:,} jobs, compared with {few:,}: {_listed(grown, '.2f', 'times')}; "
        f"an unchanged list: {_listed(saved, '.1f', 'times as fast')}; "
        f"{_peer_text(others)}; a first load of {weight / 1000:.0f} KB over the wire",
        goal=f"at most {GROWTH} times, at least {SAVED:.0f} times, faster than rq-dashboard, under {KILOBYTES} KB",
        ok=max(times.median for times in grown.values()) <= GROWTH
        and min(times.median for times in saved.values()) >= SAVED
        and weight <= KILOBYTES * 1000
        and all(times.median > 1.0 for times in others.values()),
    )


def _growth(kind: str, small: FlaskClient, large: FlaskClient, rounds: int) -> Spread:
    """Return the ratio of response times of the list that grows most."""
    found = {path: _ratio(lambda p=path: seconds(large, p), lambda p=path: seconds(small, p), rounds) for path in LISTS}  # type: ignore[misc]
    for path, times in found.items():
        print(f"  {kind}, {path}: {times:.2f} times", flush=True)
    return max(found.values(), key=lambda times: times.median)


def _saving(kind: str, client: FlaskClient, rounds: int) -> Spread:
    page = client.get("/jobs").text
    again = html.unescape(_only(r'hx-get="(/jobs/_live[^"]*)"', page))
    poll: dict[str, Any] = {"HX-Request": "true", "X-Poll": "1"}

    def unchanged() -> float:
        # a new tag each time, because it changes with the minute, even between the two requests
        for _ in range(2):
            tag = client.get(again, headers=poll).headers["HX-PTag"]
            with suppress(UnexpectedStatus):
                return seconds(client, again, 304, **poll, **{"HX-PTag": tag})
        message = "an unchanged list is not answered with 304"
        raise RuntimeError(message)

    times = _ratio(lambda: seconds(client, again, **poll), unchanged, rounds)
    print(f"  {kind}, an unchanged list: {times:.1f} times as fast as a full one", flush=True)
    return times


def _first_load(client: FlaskClient) -> int:
    """Return the bytes that a browser without a cache receives from the web server: page and assets, with headers."""
    app = client.application
    services: Services = app.extensions["deskjob"]
    with client.session_transaction() as session:
        cookie = session_cookie(app, session["_user_id"])
    with serve(services.settings) as web:
        page, size = web.receive("/jobs", cookie)
        parts = {"the page": size}
        for path in sorted(set(re.findall(r'(?:src|href)="(/static/[^"#]+)', page))):
            parts[path.partition("?")[0]] = web.receive(html.unescape(path), cookie)[1]
    print(f"  first load: {', '.join(f'{name} {size:,}' for name, size in parts.items())} bytes", flush=True)
    return sum(parts.values())


def _compare_with_peer(redis: str, sizes: tuple[int, ...]) -> dict[int, Spread]:
    """Return how many times as fast our page is as rq-dashboard's, by number of jobs; empty if it is not installed."""
    found: dict[int, Spread] = {}
    if python := environment.python():
        with peer_process(python, "benchmarks.peers.rq_dashboard_peer", redis) as peer:
            for rows in sizes:
                peer.ask("fill", rows)
                found[rows] = _page(redis, rows, lambda: float(peer.ask("view").result), PEER_ROUNDS)
                peer.ask("empty")
                print(f"  {rows:,} jobs: {found[rows]:.1f} times as fast as rq-dashboard's page", flush=True)
    return found


def _page(redis: str, rows: int, peer: Callable[[], float], rounds: int) -> Spread:
    """Return how many times as fast our list is as the peer's, with rows that are not cached."""

    def uncached() -> float:
        row_cache.clear()
        return seconds_waited(client, "/jobs")

    with page_fixture("sqlite", redis, rows) as client:
        return _ratio(peer, uncached, rounds)


def _ratio(over: Callable[[], float], under: Callable[[], float], rounds: int) -> Spread:
    def best(side: Callable[[], float]) -> float:
        return min(side() for _ in range(3))

    for warm in (over, under):
        best(warm)
    return Spread(tuple(best(over) / best(under) for _ in range(rounds)))


def _listed(found: dict[str, Spread], spec: str, unit: str) -> str:
    return ", ".join(f"{times:{spec}} {unit} on {kind}" for kind, times in found.items())


def _peer_text(peer: dict[int, Spread]) -> str:
    if not peer:
        return "rq-dashboard could not be installed"
    times = ", ".join(f"{times:.1f} times as fast at {rows:,} jobs" for rows, times in peer.items())
    return f"compared with rq-dashboard's page: {times}"


def _only(pattern: str, page: str) -> str:
    found = re.search(pattern, page)
    if found is None:
        message = f"the page has no {pattern}"
        raise RuntimeError(message)
    return found[1]
