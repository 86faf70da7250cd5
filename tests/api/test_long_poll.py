"""Requests that wait: for the end of a job, and for events."""

import threading
from collections.abc import Callable, Iterator

import pytest

from tests.api.conftest import Program
from webapp.api import long_poll
from webapp.jobs.model.job import Job, Owner, Status
from webapp.services import Services

EXPORT = {"type": "job_history_export", "payload": {"format": "csv"}}


@pytest.fixture
def stopped_later(services: Services, monkeypatch: pytest.MonkeyPatch) -> Callable[[Job], None]:
    """Stop a job when a request has begun to wait."""

    def prepare(job: Job) -> None:
        def stop(_seconds: float) -> None:
            monkeypatch.undo()
            services.jobs.cancel(job.id)

        monkeypatch.setattr(long_poll.time, "sleep", stop)

    return prepare


def test_a_request_waits_for_the_end_of_a_job(
    program: Program, put: Callable[..., Job], stopped_later: Callable[[Job], None]
) -> None:
    job = put(Status.QUEUED)
    stopped_later(job)
    assert program.get(f"/jobs/{job.id}?wait=30").json["status"] == "cancelled"


def test_a_request_waits_no_longer_than_it_says(program: Program, put: Callable[..., Job]) -> None:
    job = put(Status.QUEUED)
    assert program.get(f"/jobs/{job.id}?wait=0.1").json["status"] == "queued"
    assert program.get(f"/jobs/{job.id}?wait=61").status_code == 422


@pytest.fixture
def all_slots_taken(program: Program, put: Callable[..., Job], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    taken, go_on = threading.Event(), threading.Event()

    def sleep(_seconds: float) -> None:
        taken.set()
        go_on.wait(60)

    monkeypatch.setattr(long_poll.time, "sleep", sleep)
    monkeypatch.setitem(program.app.config, long_poll.THREADS, 4)  # so that one request can wait
    waiting = threading.Thread(target=lambda: program.get(f"/jobs/{put(Status.QUEUED).id}?wait=1"))
    waiting.start()
    taken.wait(60)
    yield
    go_on.set()
    waiting.join()


@pytest.mark.usefixtures("all_slots_taken")
def test_one_request_too_many_is_told_when_to_come_again(program: Program, put: Callable[..., Job]) -> None:
    job = put(Status.QUEUED)
    answer = program.get(f"/jobs/{job.id}?wait=1")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert program.get(f"/jobs/{job.id}").status_code == 200


@pytest.mark.dialect
def test_events_are_followed_by_their_number(program: Program, services: Services, user: object, database: str) -> None:
    start = program.get("/events").json
    assert start["items"] == []
    made = program.post("/jobs", EXPORT).json
    services.jobs.create_system_job("job_history_export", {"format": "csv"}, public=False)
    news = program.get(f"/events?after={start['last']}").json
    assert [(each["job_id"], each["name"]) for each in news["items"]] == [(made["id"], "created")]
    assert news["last"] > news["items"][-1]["id"]
    assert program.get(f"/events?after={news['last']}&wait=0.1").json == {"items": [], "last": news["last"]}


def test_events_come_page_by_page(program: Program) -> None:
    for _ in range(3):
        program.post("/jobs", EXPORT)
    first = program.get("/events?after=0&limit=2").json
    second = program.get(f"/events?after={first['last']}&limit=2").json
    assert [len(page["items"]) for page in (first, second)] == [2, 1]


def test_the_details_of_a_public_job_stay_hidden(program: Program, services: Services, admin: object) -> None:
    job = services.jobs.create_system_job("job_history_export", {"format": "csv"})
    assert job.owner == Owner(public=True)
    [event] = program.get("/events?after=0").json["items"]
    assert (event["job_id"], event["detail"]) == (str(job.id), "")


def test_a_request_that_waits_ends_with_the_first_event(
    program: Program, put: Callable[..., Job], stopped_later: Callable[[Job], None]
) -> None:
    job = put(Status.QUEUED)
    stopped_later(job)
    last = program.get("/events").json["last"]
    [event] = program.get(f"/events?after={last}&wait=25").json["items"]
    assert event["name"] == "cancelled"
