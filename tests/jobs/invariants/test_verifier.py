"""Every rule holds after some life, and each is seen when it is broken."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from time import time
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from webapp.db.engine import reading
from webapp.jobs.invariants.check import EXAMPLES, Check, Finding
from webapp.jobs.invariants.verifier import verify
from webapp.schema import attachments, jobs
from webapp.services import Services

Found = Callable[..., dict[str, Any]]
Execute = Callable[..., None]
ON_BOTH = pytest.mark.usefixtures("database")

BREAKS = [
    ("UPDATE jobs SET finished_at = NULL WHERE id = :good", "A job says when it ended if and only if it has ended."),
    ("UPDATE jobs SET finished_at = created_at WHERE id = :waiting", "A job says when it ended if and only if"),
    ("UPDATE jobs SET progress = 99 WHERE id = :good", "Progress is 0 to 100 per cent"),
    ("UPDATE jobs SET progress = 101 WHERE id = :waiting", "Progress is 0 to 100 per cent"),
    (
        "UPDATE jobs SET status = 'scheduled', run_at = '2020-01-01 00:00:00.000000' WHERE id = :waiting",
        "No job is due for more than 30 seconds without being queued; the clock does that.",
    ),
    ("UPDATE jobs SET attempt = 2 WHERE id = :good", "Attempts are numbered 1, 2, 3 …, each was started once"),
    ("UPDATE events SET attempt = 7 WHERE name = 'started' AND job_id = :good", "Attempts are numbered 1, 2, 3 …"),
    ("UPDATE attempts SET number = 7 WHERE job_id = :good", "No attempt has ended"),
    (
        "UPDATE events SET at = '2099-01-01 00:00:00.000000' WHERE name = 'started' AND job_id = :good",
        "A job that is done is never started again.",
    ),
    ("UPDATE events SET name = 'completed' WHERE name = 'created' AND job_id = :good", "A job is done once."),
    ("UPDATE jobs SET parts_failed = 2 WHERE id = :family", "A root's counts of its parts are those of its parts."),
    ("DELETE FROM jobs WHERE root_id = :family", "A root's counts of its parts are those of its parts."),
    ("UPDATE jobs SET status = 'waiting', finished_at = NULL WHERE id = :family", "A root waits only while"),
    ("UPDATE jobs SET status = 'cancelled' WHERE id = :family", "A root ends as its parts ended."),
    (
        "UPDATE jobs SET status = 'held' WHERE root_id = :family AND status = 'failed'",
        "No part is held once its root's own part is done.",
    ),
    (
        "UPDATE jobs SET status = 'queued' WHERE root_id = :family AND status = 'failed'",
        "No part goes on after its root has ended.",
    ),
    ("UPDATE dependencies SET after_id = :good WHERE job_id = :held", "No job is held after all"),
    ("UPDATE jobs SET next_key = 'free' WHERE id = :waiting", "No job has begun without the unique key"),
    (
        "UPDATE jobs SET status = 'held', next_key = 'free' WHERE id = :waiting",
        "No job waits for a unique key that is free.",
    ),
    (
        "UPDATE jobs SET status = 'cancelled', finished_at = created_at WHERE id = :waiting",
        "No job is held for one that did not complete.",
    ),
    ("UPDATE jobs SET has_dependents = (1 = 0) WHERE id = :waiting", "A job that others follow knows it."),
    ("UPDATE jobs SET lease_id = NULL WHERE id = :running", "A job has a lease if and only if it runs."),
    ("DELETE FROM leases", "A job has a lease if and only if it runs."),
    ("UPDATE leases SET beat_at = '2020-01-01 00:00:00.000000'", "A lease that nobody beats is taken away."),
    ("UPDATE leases SET worker_pid = 99999999", "No worker of this machine has died and left its lease."),
    ("UPDATE leases SET boot_id = 'an earlier one'", "No worker of this machine has died and left its lease."),
    (
        "UPDATE jobs SET status = 'running', type = 'good' WHERE id IN (:waiting, :running)",
        "No more than 1 jobs of type good run at once for one owner.",
    ),
    (
        "UPDATE jobs SET status = 'running', type = 'good' WHERE id IN (:waiting, :running, :held)",
        "No more than 2 jobs of type good run at once.",
    ),
    ("INSERT INTO queues (name, max_running) VALUES ('default', 0)", "No more jobs run in a queue than it allows."),
    ("UPDATE clocks SET beat_at = '2020-01-01 00:00:00.000000'", "A clock was heard of within the last 15 seconds."),
    ("DELETE FROM clocks", "A clock was heard of within the last 15 seconds."),
    ("UPDATE workers SET beat_at = '2020-01-01 00:00:00.000000'", "A worker of which nobody has heard for long"),
    ("DELETE FROM workers", "Every worker that holds a lease is shown."),
    ("UPDATE schedule_runs SET job_id = :good", "A job was started by one time of one schedule at most."),
    ("UPDATE schedules SET next_fire_at = '2020-01-01 00:00:00.000000'", "No schedule is late by more than 60 seconds"),
    ("UPDATE events SET job_id = lower(hex(zeroblob(16))) WHERE job_id = :good", "No event tells of a job that"),
    ("UPDATE attachments SET size = 12", "Every file that can be downloaded is there, with its size."),
]  # fmt: skip


@ON_BOTH
def test_after_some_life_everything_holds(lived: dict[str, UUID], found: Found) -> None:
    assert found() == found(deep=True) == {}


@pytest.mark.parametrize(("statement", "rule"), BREAKS)
def test_what_is_broken_is_seen(
    statement: str, rule: str, lived: dict[str, UUID], found: Found, execute: Execute
) -> None:
    execute(statement, **{name: value for name, value in lived.items() if f":{name}" in statement})
    broken = found()
    assert [name for name in broken if name.startswith(rule)], broken


@ON_BOTH
def test_what_is_broken_is_named(lived: dict[str, UUID], found: Found, execute: Execute) -> None:
    execute("UPDATE jobs SET progress = 99 WHERE id = :good", good=lived["good"])
    [(count, examples)] = found().values()
    assert (count, examples) == (1, (f"job {lived['good']}, type good, status completed, progress 99.0",))


@ON_BOTH
def test_of_many_a_few_are_named_and_all_are_counted(services: Services, found: Found, lived: dict[str, UUID]) -> None:
    for _ in range(20):
        services.jobs.create_job("nothing", after=[lived["waiting"]])
    with services.engine.begin() as connection:
        connection.execute(jobs.update().where(jobs.c.status == "held").values(progress=101))
    count, examples = found()["Progress is 0 to 100 per cent, and 100 when a job is done."]
    assert (count, len(examples)) == (21, EXAMPLES)


def files(services: Services) -> list[Path]:
    with reading(services.engine) as connection:
        return [services.files.path(file_id) for file_id in connection.execute(select(attachments.c.id)).scalars()]


def test_a_file_that_is_gone_is_seen(services: Services, lived: dict[str, UUID], found: Found) -> None:
    files(services)[0].unlink()
    [(count, (example,))] = found().values()
    assert count == 1
    assert "it cannot be opened (No such file or directory)" in example


def test_a_file_with_another_content_is_seen_in_depth(services: Services, lived: dict[str, UUID], found: Found) -> None:
    files(services)[0].write_bytes(b"all is ill.")
    assert found() == {}
    assert "its content is not what was stored" in str(found(deep=True))


@pytest.mark.parametrize("folder", ["drafts", "ab"])
def test_a_file_without_a_row_is_seen_once_it_is_old(
    folder: str, services: Services, lived: dict[str, UUID], found: Found
) -> None:
    path = services.files.root / folder / uuid4().hex
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"left behind")
    assert found() == {}
    os.utime(path, times=(time(), time() - timedelta(days=2).total_seconds()))
    [(count, (example,))] = found().values()
    assert (count, example) == (1, f"{folder}/{path.name}")


@ON_BOTH
def test_work_that_nobody_was_told_of_is_seen(
    services: Services, lived: dict[str, UUID], found: Found, execute: Execute
) -> None:
    services.wake_ups.connection.flushdb()
    assert found() == {}, "somebody works on that queue, and will see it"
    services.queues.add("other")
    services.jobs.create_job("nothing", queue="other")
    services.wake_ups.connection.flushdb()
    assert found()["Where work waits, a wake-up waits too, or somebody works."][0] == 1
    services.queues.pause("other")
    assert found() == {}


def test_a_key_of_somebody_else_in_redis_is_seen(services: Services, lived: dict[str, UUID], found: Found) -> None:
    services.wake_ups.connection.set("celery", "1")
    assert found() == {"Redis holds nothing but what Deskjob puts there.": (1, ("celery",))}
    services.wake_ups.connection.delete("celery")


def test_what_passes_by_itself_is_not_broken() -> None:
    looks = iter([Finding(rule="r", count=1), Finding(rule="r")])
    assert [one.holds for one in verify([Check(rule="r", look=lambda: next(looks), passing=True)], 0)] == [True]


@ON_BOTH
def test_nothing_is_changed(services: Services, lived: dict[str, UUID], found: Found) -> None:
    with reading(services.engine) as connection:
        before = connection.execute(select(jobs)).all()
        found(deep=True)
        assert connection.execute(select(jobs)).all() == before
