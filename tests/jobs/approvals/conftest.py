"""Job types that need approval, and jobs of them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel
from sqlalchemy import update

from webapp.db.engine import writing
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.approval import Approval
from webapp.jobs.model.job import Job, Owner
from webapp.schema import jobs, later
from webapp.services import Services

Ask = Callable[..., Job]


class Payment(BaseModel):
    """What is paid; small amounts need no approval."""

    amount: int = 1000


@pytest.fixture
def ask(services: Services) -> Ask:
    """Create a job of a type that needs approval from 100 on; the choices are those of `create_job`."""

    @job_type("payment", title="Payment", approval=Approval(when=lambda payment: payment.amount >= 100))
    def pay(_job: JobContext, _payload: Payment) -> None:
        """Pay nothing."""

    services.registry.add(pay)

    def ask(amount: int = 1000, owner: UUID | None = None, **choices: Any) -> Job:
        return services.jobs.create_job("payment", {"amount": amount}, owner=Owner(user_id=owner), **choices)

    return ask


@pytest.fixture
def overdue(services: Services) -> Callable[[Job], None]:
    """Let the time for the approval of a job end."""

    def pass_time(job: Job) -> None:
        with writing(services.engine) as connection:
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(approval_ends_at=later(-60.0)))

    return pass_time
