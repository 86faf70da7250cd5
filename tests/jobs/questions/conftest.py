"""A job type that asks, and jobs of it that wait for an answer."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from tests.asked_jobs import QUESTION, Decision
from tests.jobs.conftest import Nothing
from webapp.db.engine import writing
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.job import Job, Owner
from webapp.schema import job_questions, later
from webapp.services import Services

Ask = Callable[..., Job]


@pytest.fixture
def answered() -> list[Decision]:
    """What the handler got."""
    return []


@pytest.fixture
def ask(services: Services, run_jobs: Callable[[], int], answered: list[Decision]) -> Ask:
    """Create a job and run it until it asks; the choices are those of `JobContext.ask`."""

    def ask(owner: UUID | None = None, *, run: bool = True, **choices: Any) -> Job:
        @job_type("asking", title="Asking", replaces=True)
        def handler(job: JobContext, _payload: Nothing) -> None:
            answered.append(job.ask(Decision, QUESTION, **choices))

        services.registry.add(handler)
        job = services.jobs.create_job("asking", owner=Owner(user_id=owner))
        if run:
            run_jobs()
        return services.jobs.get(job.id)

    return ask


@pytest.fixture
def pass_time(services: Services) -> Callable[[Job], None]:
    """Let the time for the answer to a job, and the one until its reminder, end."""

    def pass_time(job: Job, *, only_remind: bool = False) -> None:
        past = later(timedelta(minutes=-1).total_seconds())
        values = {"remind_at": past} if only_remind else {"remind_at": past, "ends_at": past}
        with writing(services.engine) as connection:
            connection.execute(update(job_questions).where(job_questions.c.job_id == job.id).values(**values))

    return pass_time
