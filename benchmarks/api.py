"""The API: starting a job against `Jobs.create_job` in process, listing against rq-dashboard's JSON, and a 304.

And what a scrape of `/metrics` costs with many jobs, compared with few.

Requests go through the whole application in this process, authorised by a token, as a web server hands them over. Every
figure is a median of ratios.
"""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from io import BytesIO
from json import dumps
from time import perf_counter, process_time
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder

from benchmarks import servers
from benchmarks.page_fixture import UnexpectedStatus, page_fixture, seconds, seconds_waited
from benchmarks.peers import environment
from benchmarks.peers.peer_process import peer_process
from benchmarks.rounds import Spread, Verdict, ratio
from webapp.accounts.tokens import Scope
from webapp.jobs.model.job import Owner
from webapp.services import Services
from webapp.views.page.problem_details import API_ROOT

STARTED, LISTED, SAVED, GROWN = 0.5, 2.0, 3.0, 1.2
KINDS = ("sqlite", "postgresql")
JOBS = f"{API_ROOT}/jobs"
_BODY: Any = {"type": "job_history_export", "payload": {"format": "csv"}}
_FEW = 10_000
_AT_ONCE = 50  # jobs that a round creates, and requests that it sends
_NO_LIMIT = "100000000 per minute"


def run(*, short: bool) -> Verdict:
    """Compare both databases, and the list with rq-dashboard's."""
    rows, rounds = (5_000, 7) if short else (100_000, 21)
    started, saved = {}, {}
    with servers.valkey() as redis:
        for kind in KINDS:
            with ExitStack() as stack:
                client = _authorised(stack.enter_context(page_fixture(kind, redis, rows, api_limit=_NO_LIMIT)))
                saved[kind] = _saving(kind, client, rounds)
                started[kind] = _starting(kind, client, rounds)
        listed = _listing(redis, rows, rounds)
        few, many = _FEW, 50_000 if short else 1_000_000
        grown = {kind: _scraping(kind, redis, few, many, rounds) for kind in KINDS}
    return Verdict(
        values=f"`POST /jobs`: {_by_kind(started, '.2f', 'of the rate of `Jobs.create_job`')}; "
        f"{_peer_text(listed, rows)}; an unchanged list: {_by_kind(saved, '.1f', 'times as fast as a full one')}; "
        f"`/metrics` with {many:,} jobs: {_by_kind(grown, '.2f', f'times as long as with {few:,}')}",
        goal=f"at least {STARTED} of the rate, {LISTED:.0f} times rq-dashboard's JSON, {SAVED:.0f} times, "
        f"at most {GROWN} times as long",
        ok=min(times.median for times in started.values()) >= STARTED
        and (listed is None or listed.median >= LISTED)
        and min(times.median for times in saved.values()) >= SAVED
        and max(times.median for times in grown.values()) <= GROWN,
    )


def _authorised(client: FlaskClient) -> FlaskClient:
    """Return the client with a token of its user instead of the session."""
    services: Services = client.application.extensions["deskjob"]
    with client.session_transaction() as session:
        user = services.sessions.find(session["_user_id"])
        session.clear()
    assert user is not None
    _token, text = services.tokens.add(user, "benchmark", [Scope.READ, Scope.START])
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {text}"
    return client


def _starting(kind: str, client: FlaskClient, rounds: int) -> Spread:
    """Return the rate of requests that start a job, compared with the calls that they make."""
    services: Services = client.application.extensions["deskjob"]
    owner = Owner(user_id=services.accounts.all()[0].id)

    request = _request(client, "POST", 202, dumps(_BODY).encode())

    def call() -> None:
        services.jobs.create_job(_BODY["type"], _BODY["payload"], owner=owner, triggered_by=owner.user_id)

    clock = process_time if kind == "sqlite" else perf_counter  # where the work is in this process, its CPU time
    requests, calls = (partial(_rate, step, clock) for step in (request, call))
    return ratio(f"{kind}, starting", requests, calls, rounds=rounds, unit="jobs per second")


def _rate(step: Callable[[], None], clock: Callable[[], float]) -> float:
    step()
    began = clock()
    for _ in range(_AT_ONCE):
        step()
    return _AT_ONCE / (clock() - began)


def _saving(kind: str, client: FlaskClient, rounds: int) -> Spread:
    """Return how many times as fast a list that has not changed is."""
    tag = client.get(JOBS).headers["ETag"]
    clock = process_time if kind == "sqlite" else perf_counter
    changed, unchanged = _request(client, "GET", 200), _request(client, "GET", 304, if_none_match=tag)

    def fastest(step: Callable[[], None]) -> float:
        return min(_seconds(step, clock) for _ in range(5)) * 1e6

    return ratio(f"{kind}, a list", partial(fastest, changed), partial(fastest, unchanged), rounds=rounds, unit="µs")


def _request(client: FlaskClient, method: str, status: int, body: bytes = b"", **headers: str) -> Callable[[], None]:
    """Return a function that sends a request and reads the answer; building it is the work of a web server."""
    builder = EnvironBuilder(JOBS, method=method, data=body, content_type="application/json" if body else None)
    named = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    environ = {**client.environ_base, **builder.get_environ(), **named}
    found: list[str] = []

    def start_response(line: str, *_: object) -> Callable[[bytes], object]:
        found[:] = [line]
        return found.append  # type: ignore[return-value]  # nothing writes this way

    def send() -> None:
        answer = client.application({**environ, "wsgi.input": BytesIO(body)}, start_response)
        b"".join(answer)
        if not found[0].startswith(str(status)):
            raise UnexpectedStatus(found[0])

    return send


def _seconds(step: Callable[[], None], clock: Callable[[], float]) -> float:
    began = clock()
    step()
    return clock() - began


def _listing(redis: str, rows: int, rounds: int) -> Spread | None:
    """Return how many times as fast our list of 50 jobs is as rq-dashboard's JSON; None if it is not installed."""
    python = environment.python()
    if python is None:
        return None
    with (
        peer_process(python, "benchmarks.peers.rq_dashboard_peer", redis) as peer,
        page_fixture("sqlite", redis, rows, api_limit=_NO_LIMIT) as signed_in,
    ):
        client = _authorised(signed_in)
        peer.ask("fill", rows)

        def theirs() -> float:
            return min(float(peer.ask("json").result) for _ in range(3)) * 1e6

        def ours() -> float:
            return min(seconds_waited(client, JOBS) for _ in range(3)) * 1e6

        times = ratio("50 jobs", theirs, ours, rounds=rounds, unit="µs")
        peer.ask("empty")
    return times


def _scraping(kind: str, redis: str, few: int, many: int, rounds: int) -> Spread:
    """Return how many times as long a scrape of the metrics takes with many jobs as with few."""
    with page_fixture(kind, redis, few) as small, page_fixture(kind, redis, many) as large:
        return ratio(f"{kind}, metrics", partial(_scrape, large), partial(_scrape, small), rounds=rounds, unit="µs")


def _scrape(client: FlaskClient) -> float:
    services: Services = client.application.extensions["deskjob"]

    def once() -> float:
        services.figures.forget()
        return seconds(client, "/metrics")

    return min(once() for _ in range(5)) * 1e6


def _by_kind(found: dict[str, Spread], spec: str, unit: str) -> str:
    return ", ".join(f"{times:{spec}} {unit} on {kind}" for kind, times in found.items())


def _peer_text(times: Spread | None, rows: int) -> str:
    if times is None:
        return "rq-dashboard could not be installed"
    return f"`GET /jobs`: {times:.1f} times as fast as rq-dashboard's JSON of 50 jobs at {rows:,}"
