"""A reader of the feed gets every event exactly once, also of transactions that take long."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from uuid import uuid4

import pytest
from sqlalchemy import Connection

from tests.views.conftest import put  # noqa: F401  (a fixture)
from webapp.db.engine import writing
from webapp.jobs.model.job import EventName, Job, Status
from webapp.jobs.queries.event_feed import EventFeed
from webapp.jobs.queries.visible_jobs import Viewer
from webapp.jobs.store import events
from webapp.services import Services

ALL = Viewer(user_id=uuid4(), sees_all=True)


@pytest.fixture
def feed(services: Services, database: str) -> EventFeed:
    return EventFeed(services.engine)


@pytest.fixture
def job(put: Callable[..., Job]) -> Job:  # noqa: F811
    return put(Status.QUEUED)


def write(connection: Connection, job: Job, detail: str) -> None:
    events.insert_one(connection, job_id=job.id, name=EventName.PRIORITISED, attempt=1, detail=detail)


@contextmanager
def open_transaction(services: Services, job: Job, detail: str, *, kept: bool = True) -> Iterator[Callable[[], None]]:
    """Hold a transaction that has written an event open; give the function that ends it."""
    connection = services.engine.connect()
    transaction = connection.begin()
    write(connection, job, detail)

    def end() -> None:
        (transaction.commit if kept else transaction.rollback)()
        connection.close()

    yield end


class Reader:
    """Follows the feed as a program does."""

    def __init__(self, feed: EventFeed) -> None:
        self.feed = feed
        self.last = feed.latest()
        self.details: list[str] = []
        self.ids: list[int] = []

    def read(self) -> list[str]:
        page = self.feed.after(ALL, self.last, 50)
        self.last = page.last
        self.ids += [event.id for event in page.events]
        self.details += [event.detail for event in page.events]
        return self.details


@pytest.mark.parametrize("kept", [True, False])
def test_a_long_transaction_delays_later_events_and_loses_none(
    services: Services, feed: EventFeed, job: Job, database: str, *, kept: bool
) -> None:
    if database == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    reader, late_reader = Reader(feed), EventFeed(services.engine)
    with writing(services.engine) as connection:
        write(connection, job, "before")
    assert reader.read() == ["before"]
    with open_transaction(services, job, "long", kept=kept) as end:
        for number in range(3):
            with writing(services.engine) as connection:
                write(connection, job, f"later {number}")
        assert [reader.read() for _ in range(3)][-1] == ["before"]
        started_meanwhile = Reader(late_reader)
        end()
    expected = [*(["long"] if kept else []), "later 0", "later 1", "later 2"]
    assert reader.read() == ["before", *expected]
    assert started_meanwhile.read()[-len(expected) :] == expected
    assert reader.read() == ["before", *expected]
    assert reader.ids == sorted(set(reader.ids))


def test_transactions_that_only_read_or_lock_other_tables_delay_no_event(
    services: Services, feed: EventFeed, job: Job, database: str
) -> None:
    if database == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    reader = Reader(feed)
    with services.engine.connect() as reading_only, reading_only.begin():
        reading_only.exec_driver_sql("SELECT max(id) FROM events")
        with writing(services.engine) as connection:
            write(connection, job, "one")
        assert reader.read() == ["one"]


def test_many_writers_with_transactions_of_all_lengths(services: Services, feed: EventFeed, job: Job) -> None:
    pauses, stop, reader = random.Random(7), Event(), Reader(feed)

    def work(name: int) -> None:
        for number in range(25):
            with writing(services.engine) as connection:
                write(connection, job, f"{name}-{number}a")
                stop.wait(pauses.random() ** 4 / 50)
                write(connection, job, f"{name}-{number}b")

    writers = [Thread(target=work, args=(name,)) for name in range(4)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        reader.read()
    for writer in writers:
        writer.join()
    for _ in range(20):  # a page has 50 events
        reader.read()
    expected = {f"{name}-{number}{part}" for name in range(4) for number in range(25) for part in "ab"}
    assert (set(reader.details), len(reader.details)) == (expected, 200)
    assert reader.ids == sorted(reader.ids)
