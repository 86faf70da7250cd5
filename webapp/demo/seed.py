"""Seed an empty installation, so that it looks as it would after a month of use."""

from collections.abc import Sequence
from random import Random

from sqlalchemy import exists, select

from webapp.db.engine import reading, writing
from webapp.demo import history, schedules
from webapp.demo.current_jobs import CurrentJobs
from webapp.demo.integrations import create_integrations, create_shop, draw_orders
from webapp.demo.job_rows import PastJob
from webapp.demo.monthly_budgets import create_budgets
from webapp.demo.operator_activity import create_activity
from webapp.demo.people import Staff, create_staff
from webapp.demo.sample_files import store_input_files
from webapp.schema import jobs
from webapp.services import Services

MANY, FEW = 3000, 150
_WITH_FILES = 60  # the newest jobs still have their input files


class NotEmpty(Exception):
    """Raised when users have already started jobs."""

    def __init__(self) -> None:
        super().__init__("This installation already has jobs of users; demo data would mix with them.")


def seed(services: Services, *, password: str, number: int = 1, count: int = MANY, on_top: bool = False) -> None:
    """Create users, a month of finished jobs, and jobs in every status; the same for the same ``number``.

    Raises `NotEmpty` if users have started jobs, unless ``on_top``.
    """
    if not on_top and _is_used(services):
        raise NotEmpty
    rng = Random(number)  # noqa: S311  (not used for secrets)
    staff = create_staff(services, password)
    orders = draw_orders(services, create_shop(services), rng)
    past = _write_past(services, staff, rng, count, orders)
    CurrentJobs(services, staff, rng).create_all()
    create_activity(services, staff)
    create_integrations(services, staff, rng, past=past, orders=orders)
    create_budgets(services, staff)


def _write_past(
    services: Services, staff: Staff, rng: Random, count: int, orders: Sequence[PastJob]
) -> Sequence[PastJob]:
    """Write finished jobs, those of the webhook among them; return all, oldest first."""
    started = history.draw_month(
        count, staff=staff, registry=services.registry, rng=rng, now=services.queries.jobs.now()
    )
    runs = schedules.draw_runs(services, schedules.create_schedules(services, staff), rng)
    past = sorted((*started, *orders, *(run.job for run in runs if run.job)), key=lambda job: job.created)
    input_files = store_input_files(past[-_WITH_FILES:], services.files)
    with writing(services.engine) as connection:
        history.write_month(connection, past, input_files, rng)
        history.write_notifications(connection, past)
        schedules.write_runs(connection, runs)
    return past


def _is_used(services: Services) -> bool:
    """Whether users have started jobs; system jobs exist as soon as a scheduler has run."""
    with reading(services.engine) as connection:
        return bool(
            connection.execute(select(exists(select(jobs.c.id).where(jobs.c.owner_id.is_not(None))))).scalar_one()
        )
