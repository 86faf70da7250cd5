"""The rows of steps: their order, and what a copy takes over. `tests/jobs/execution/test_steps.py` has their use."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from webapp.db.engine import writing
from webapp.jobs.model.job import Job
from webapp.jobs.store import step_rows
from webapp.jobs.store.step_rows import FROM_OTHER_JOB, Step
from webapp.services import Services

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect]
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
RESULTS: tuple[Any, ...] = (None, False, 1.5, "", "text", [], [1, [None]], {"a": {"b": "ü"}})


def add(services: Services, job: Job) -> tuple[Step, ...]:
    with writing(services.engine) as connection:
        for place, result in enumerate(RESULTS, 1):
            ended = BEGAN + timedelta(seconds=place)
            name = f"{len(RESULTS) - place}"
            step = Step(name=name, place=place, attempt=2, started_at=BEGAN, finished_at=ended, result=result)
            step_rows.insert(connection, job.id, step)
    return services.queries.steps.of(job.id)


def test_steps_are_read_as_they_were_written_in_their_order(services: Services, make: Callable[..., Job]) -> None:
    steps = add(services, make())
    assert tuple(step.result for step in steps) == RESULTS
    assert [step.place for step in steps] == list(range(1, len(RESULTS) + 1))
    assert [step.period for step in steps[:2]] == [timedelta(seconds=1), timedelta(seconds=2)]


def test_a_copy_has_the_steps_before_a_place(services: Services, make: Callable[..., Job]) -> None:
    source, target = make(), make()
    steps = add(services, source)
    with writing(services.engine) as connection:
        step_rows.copy_before(connection, source.id, target.id, place=4)
    copied = services.queries.steps.of(target.id)
    assert [(step.name, step.result) for step in copied] == [(step.name, step.result) for step in steps[:3]]
    assert {step.attempt for step in copied} == {FROM_OTHER_JOB}
    assert services.queries.steps.of(source.id) == steps


def test_steps_are_deleted_with_their_job(services: Services, make: Callable[..., Job]) -> None:
    job = make()
    add(services, job)
    services.jobs.cancel(job.id)
    services.jobs.delete(job.id)
    assert not services.queries.steps.of(job.id)
