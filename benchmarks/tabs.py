"""Browsers that poll: a page beside 200 of them, 500 of them, slow downloads beside those, and the memory after it.

Half of the browsers show a list of jobs, half the page of a running job. Two jobs report progress all the time.
"""

import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from time import monotonic, perf_counter, sleep
from uuid import UUID

from sqlalchemy import update

from benchmarks import servers
from benchmarks.browsers import Browsers, Polls
from benchmarks.installation import add_person
from benchmarks.page_fixture import fill
from benchmarks.rounds import Verdict, ratios
from benchmarks.web_server import WebServer, serve, session_cookie
from webapp.app import create_app
from webapp.config import load
from webapp.db.engine import writing
from webapp.db.revision import upgrade
from webapp.jobs.model.job import Job
from webapp.schema import jobs, later
from webapp.services import Services

USUAL_TIMES, MEGABYTES = 2.0, 300
SOME, MANY, DOWNLOADS, USERS = 200, 500, 50, 25
JOBS = 5_000
_FILE_BYTES = 64 * 1024 * 1024
_DOWNLOAD_RATE = 64 * 1024  # bytes per second of one slow client
_PROGRESS_SECONDS = 0.25  # between two writes of a job that reports progress
_PAGE_PAUSE = 0.05
_WARM_UP_SECONDS, _EVERY_PAGE_POLLS_SECONDS = 1.0, 2.5
_RUNNING_SECONDS = 600.0  # since the last of the jobs on the open pages started
_APART_SECONDS = 47.0  # between two starts: no two pages change in the same second because a minute is over


@dataclass(frozen=True, kw_only=True)
class _Site:
    """A web server, and what the browsers of its users have open."""

    web: WebServer
    services: Services
    pages: list[tuple[str, str]]  # the cookie of a user, and the HTML of a page
    reporting: list[UUID]  # running jobs
    file: str  # the path of a download
    cookie: str  # of the user whose file it is


@dataclass(frozen=True, kw_only=True)
class _Result:
    """Times of a page and CPU per poll in seconds; the other two times are multiples of the usual one."""

    usual: float
    beside_browsers: float
    beside_downloads: float
    cpu: float
    polls: list[Polls]
    memory: int


def run(*, short: bool) -> Verdict:
    """Measure on both databases."""
    rounds, seconds = (1, 1.5) if short else (5, 8.0)
    with servers.valkey() as redis:
        found = {kind: _measure(kind, redis, rounds, seconds) for kind in ("sqlite", "postgresql")}
    failed = sum(polls.failed for result in found.values() for polls in result.polls)
    return Verdict(
        values="; ".join([*(_text(kind, result) for kind, result in found.items()), f"{failed} failed polls"]),
        goal=f"at most {USUAL_TIMES:.0f} times, {MEGABYTES} MB, no failed poll",
        ok=failed == 0
        and max(max(result.beside_browsers, result.beside_downloads) for result in found.values()) <= USUAL_TIMES
        and max(result.memory for result in found.values()) <= MEGABYTES * 1e6,
    )


def _text(kind: str, result: _Result) -> str:
    return (
        f"{kind}: the 95th percentile of a page is {result.beside_browsers:.1f} times as high beside {SOME} open pages "
        f"and {result.beside_downloads:.1f} times beside {DOWNLOADS} slow downloads, a poll of one of {MANY} pages "
        f"takes {1000 * result.cpu:.1f} ms of CPU, {result.memory / 1e6:.0f} MB of memory"
    )


def _measure(kind: str, redis: str, rounds: int, seconds: float) -> _Result:
    usual, beside_browsers, beside_downloads = [], [], []
    polls: list[Polls] = []
    with _site(kind, redis) as site:
        at_start = site.web.memory()
        _p95_of_page(site, _WARM_UP_SECONDS)
        for _ in range(rounds):
            usual.append(_p95_of_page(site, seconds))
            with Browsers(site.web.port, site.pages, SOME) as browsers, _progress(site):
                browsers.measure(_EVERY_PAGE_POLLS_SECONDS)
                beside_browsers.append(_beside(site, browsers, seconds, polls, f"{kind}, {SOME} browsers"))
            with _slow_downloads(site):
                beside_downloads.append(_p95_of_page(site, seconds))
            print(f"  {kind}: a page p95 {_milliseconds(usual)} ms, beside {DOWNLOADS} downloads ", end="")
            print(f"{_milliseconds(beside_downloads)} ms", flush=True)
        with Browsers(site.web.port, site.pages, MANY) as browsers:
            browsers.measure(_EVERY_PAGE_POLLS_SECONDS)
            cpu = _cpu_per_poll(site, browsers, seconds, polls, f"{kind}, {MANY} browsers, nothing changes")
            with _progress(site), _slow_downloads(site):
                _beside(site, browsers, seconds, polls, f"{kind}, {MANY} browsers, {DOWNLOADS} downloads")
        memory = site.web.memory()
        print(f"  {kind}: the web server has {memory / 1e6:.0f} MB, at its start {at_start / 1e6:.0f} MB", flush=True)
    return _Result(
        usual=median(usual),
        beside_browsers=ratios(beside_browsers, usual).median,
        beside_downloads=ratios(beside_downloads, usual).median,
        cpu=cpu,
        polls=polls,
        memory=memory,
    )


def _milliseconds(times: list[float]) -> str:
    return f"{1000 * times[-1]:.0f}"


def _cpu_per_poll(site: _Site, browsers: Browsers, seconds: float, polls: list[Polls], title: str) -> float:
    """Return the CPU time of the web server per poll while no page changes."""
    before = site.web.cpu_seconds()
    polls.append(browsers.measure(seconds))
    cpu = (site.web.cpu_seconds() - before) / max(polls[-1].polls, 1)
    _print(title, polls[-1], f"{1000 * cpu:.2f} ms of CPU per poll")
    return cpu


def _beside(site: _Site, browsers: Browsers, seconds: float, polls: list[Polls], title: str) -> float:
    browsers.begin(seconds)
    p95 = _p95_of_page(site, seconds)
    polls.append(browsers.end())
    _print(title, polls[-1], f"a page p95 {1000 * p95:.0f} ms")
    return p95


def _print(title: str, polls: Polls, more: str) -> None:
    reasons = f" ({dict(polls.reasons)})" if polls.reasons else ""
    print(
        f"  {title}: {polls.polls} polls, {polls.changed} changed, {polls.failed} failed{reasons}, "
        f"{polls.reconnected} on a new connection, p95 {1000 * polls.p95:.0f} ms; {more}",
        flush=True,
    )


def _p95_of_page(site: _Site, seconds: float) -> float:
    """Open the list of jobs again and again; return the 95th percentile of the response times."""
    times, until = [], monotonic() + seconds
    for number in count():
        if monotonic() >= until:
            break
        cookie, _ = site.pages[number % len(site.pages)]
        began = perf_counter()
        site.web.get("/jobs", cookie)
        times.append(perf_counter() - began)
        sleep(_PAGE_PAUSE)
    return sorted(times)[int(0.95 * (len(times) - 1))]


@contextmanager
def _site(kind: str, redis: str) -> Iterator[_Site]:
    """Yield a web server with users, jobs and open pages."""
    folder = Path(tempfile.mkdtemp(prefix="dj-"))
    with servers.database(kind) as url:
        app = create_app(
            load(data_dir=folder, database_url=url, redis_url=redis, secret_key="k" * 32, jobtypes="benchmarks.noop")
        )
        upgrade(app.extensions["deskjob"].engine)
        services: Services = app.extensions["deskjob"]
        owner_ids = [add_person(services) for _ in range(USERS)]
        fill(services, owner_ids, JOBS)
        running = [_running_job(services, owner_id) for owner_id in owner_ids]
        with writing(services.engine) as connection:  # the page of a young job changes with every poll
            for number, job_id in enumerate(running):
                started = later(-_RUNNING_SECONDS - number * _APART_SECONDS)
                connection.execute(update(jobs).where(jobs.c.id == job_id).values(started_at=started))
        cookies = [session_cookie(app, services.sessions.begin(owner_id)) for owner_id in owner_ids]
        file = services.jobs.add_attachment(running[0], "large.bin", bytes(_FILE_BYTES))
        try:
            with serve(services.settings) as web:
                pages = [
                    (cookie, web.get(path, cookie).decode())
                    for cookie, job_id in zip(cookies, running, strict=True)
                    for path in ("/jobs", f"/jobs/{job_id}")
                ]
                yield _Site(
                    web=web,
                    services=services,
                    pages=pages,
                    reporting=running[:2],
                    file=f"/jobs/{running[0]}/files/{file.id}",
                    cookie=cookies[0],
                )
        finally:
            services.engine.dispose()
            shutil.rmtree(folder)


def _running_job(services: Services, owner_id: UUID) -> UUID:
    job = services.jobs.create_user_job("noop", {"number": 1}, owner_id, dispatch=False)
    return services.jobs.change(job.id, Job.mark_running).id


@contextmanager
def _progress(site: _Site) -> Iterator[None]:
    """Let two running jobs report progress while the block runs."""
    ended = threading.Event()

    def report() -> None:
        for number in count():
            for job_id in site.reporting:
                site.services.jobs.change(job_id, lambda job, at=number: job.with_progress(at % 100))  # type: ignore[misc]
            if ended.wait(_PROGRESS_SECONDS):
                return

    thread = threading.Thread(target=report)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def _slow_downloads(site: _Site) -> Iterator[None]:
    """Download a file with many clients, each slowly, while the block runs; all have begun before it."""
    request = f"GET {site.file} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {site.cookie}\r\n\r\n".encode()
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.socket()) for _ in range(DOWNLOADS)]
        for client in clients:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _DOWNLOAD_RATE)
            client.connect(("127.0.0.1", site.web.port))
            client.sendall(request)
        for client in clients:
            client.recv(_DOWNLOAD_RATE)
        ended = threading.Event()
        thread = threading.Thread(target=_read_slowly, args=[clients, ended])
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def _read_slowly(clients: list[socket.socket], ended: threading.Event) -> None:
    while not ended.wait(1.0):
        for client in clients:
            with suppress(BlockingIOError):
                client.recv(_DOWNLOAD_RATE, socket.MSG_DONTWAIT)
