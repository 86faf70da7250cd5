"""Hostile jobs in a real worker, each followed by a job of another owner, which notices nothing."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert

from tests.installation import TYPES, Installation, installed, wait_for
from tests.jobs.execution.isolation import hostile_types
from webapp.db.engine import writing
from webapp.db.sqlite_file import FilesClosed
from webapp.jobs.model.job import Job, Owner, Status
from webapp.schema import now, users

MEGABYTES = 2**20
LOUD = ("blocks the alarm", "blocks all signals", "rings for ever", "ignores requests")
SHARED = ("stands in a deleted folder", "sets a variable", "disables logging", "blocks the alarm", "uses memory")


def owner(installation: Installation) -> Owner:
    user_id = uuid4()
    row = {"id": user_id, "name": user_id.hex, "role": "user", "password_hash": "!"}
    with writing(installation.services.engine) as connection:
        connection.execute(insert(users).values(**row, created_at=now()))
    return Owner(user_id=user_id)


@pytest.fixture(scope="module")
def jobs(sqlite_template: Path, valkey_url: str) -> Iterator[tuple[Installation, dict[str, list[UUID]]]]:
    """Run a first victim, then each hostile job and a victim, in the order in which they were created."""
    with installed(sqlite_template, valkey_url) as installation:
        for kind in (hostile_types.hostile, hostile_types.victim, hostile_types.endless):
            installation.services.registry.add(kind)
        first, second = owner(installation), owner(installation)
        made = {"nothing": [installation.job("victim", owner=second)]}
        for number, what in enumerate(hostile_types.HOSTILE):
            attacker, other = (first, second) if number % 2 else (second, first)
            made[what] = [
                installation.job("hostile", {"what": what}, owner=attacker),
                installation.job("victim", owner=other),
                *([installation.job("endless", owner=other)] if what in LOUD else ()),
            ]
        settings = {"DESKJOB_JOBTYPES": f"{TYPES},{hostile_types.__name__}", "DESKJOB_HORSE_SECONDS": "3600"}
        installation.start("worker", "--workers", "1", **settings)
        wait_for(lambda: all(installation.get(job).is_finished for ids in made.values() for job in ids))
        yield installation, made


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return what differs, also within mappings, with both values."""
    found: dict[str, Any] = {}
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found |= {f"{name}: {key}": values for key, values in differences(old, new).items()}
        elif old != new:
            found[name] = (old, new)
    return found


def victim_of(jobs: tuple[Installation, dict[str, list[UUID]]], what: str) -> Job:
    installation, made = jobs
    return installation.get(made[what][0 if what == "nothing" else 1])


@pytest.mark.parametrize("what", hostile_types.HOSTILE)
def test_a_hostile_job_does_not_affect_the_next_one(
    jobs: tuple[Installation, dict[str, list[UUID]]], what: str
) -> None:
    installation, _ = jobs
    untouched, victim = victim_of(jobs, "nothing"), victim_of(jobs, what)
    assert (victim.status, victim.errors, victim.warnings) == (Status.COMPLETED, (), ())
    assert differences(untouched.metadata, victim.metadata) == {}
    queries = installation.services.queries
    assert [line.text for line in queries.logs.log(victim.id)] == ["I am a victim"]
    assert [file.name for file in installation.services.jobs.attachments(victim.id)] == ["mine.txt"]
    (attempt,) = queries.jobs.attempts(victim.id)
    assert attempt.peak_memory < 300 * MEGABYTES, "the memory of the job before does not count"


@pytest.mark.parametrize("what", LOUD)
def test_a_timeout_after_a_job_that_changed_signals_is_heard(
    jobs: tuple[Installation, dict[str, list[UUID]]], what: str
) -> None:
    installation, made = jobs
    endless = installation.get(made[what][2])
    assert endless.errors[-1]["text"] == "It ran longer than its limit of 0.2 s and was stopped."


@pytest.mark.parametrize("what", SHARED)
def test_what_can_be_put_back_costs_no_new_process(jobs: tuple[Installation, dict[str, list[UUID]]], what: str) -> None:
    installation, made = jobs
    pids = {installation.services.queries.jobs.attempts(job)[0].pid for job in made[what][:2]}
    assert len(pids) == 1


def test_a_job_that_closes_the_files_of_the_database_says_so(
    jobs: tuple[Installation, dict[str, list[UUID]]],
) -> None:
    installation, made = jobs
    job = installation.get(made["closes all other files"][0])
    assert [error["text"] for error in job.errors] == [str(FilesClosed())]


def test_no_program_of_a_job_remains(jobs: tuple[Installation, dict[str, list[UUID]]]) -> None:
    installation, _ = jobs
    (worker,) = installation.workers()
    wait_for(lambda: not any(child.name() == "sleep" for child in worker.children(recursive=True)))
