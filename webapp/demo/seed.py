"""Seeding: fill an empty installation, so that one sees what it looks like after a month."""

from random import Random

from sqlalchemy import exists, select

from webapp.db.engine import reading, writing
from webapp.demo import history, schedules
from webapp.demo.current_jobs import CurrentJobs
from webapp.demo.operator_activity import operate
from webapp.demo.people import Staff, hire
from webapp.demo.sample_files import given_to
from webapp.schema import jobs
from webapp.services import Services

MANY, FEW = 3000, 150
_WITH_FILES = 60  # the last so many still have what they were given


class NotEmpty(Exception):
    """A demonstration is never poured over jobs that people have started."""

    def __init__(self) -> None:
        super().__init__("People have started jobs here, and a demonstration would mix with them.")


def seed(services: Services, *, password: str, number: int = 1, count: int = MANY, on_top: bool = False) -> None:
    """Make people, a month of jobs that have ended, and jobs in every status; the same for the same ``number``.

    Raises `NotEmpty` where people have started jobs, unless ``on_top``.
    """
    if not on_top and _is_used(services):
        raise NotEmpty
    chance = Random(number)  # noqa: S311  (nothing secret is made of it)
    staff = hire(services, password)
    _past(services, staff, chance, count)
    CurrentJobs(services, staff, chance).make()
    operate(services, staff)


def _past(services: Services, staff: Staff, chance: Random, count: int) -> None:
    by_hand = history.month(
        count, staff=staff, registry=services.registry, chance=chance, now=services.queries.jobs.now()
    )
    on_time = schedules.runs(services, schedules.plan(services, staff), chance)
    past = sorted((*by_hand, *(run.job for run in on_time if run.job)), key=lambda job: job.created)
    given = given_to(past[-_WITH_FILES:], services.files)
    with writing(services.engine) as connection:
        history.write_month(connection, past, given, chance)
        history.write_notifications(connection, past)
        schedules.write(connection, on_time)


def _is_used(services: Services) -> bool:
    """Whether people have started jobs; those of the system begin with the first clock."""
    with reading(services.engine) as connection:
        return bool(
            connection.execute(select(exists(select(jobs.c.id).where(jobs.c.owner_id.is_not(None))))).scalar_one()
        )
