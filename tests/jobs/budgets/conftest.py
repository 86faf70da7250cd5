from collections.abc import Callable
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from webapp.jobs.budgets.budget import MonthlyBudget
from webapp.jobs.budgets.service import Budgets
from webapp.jobs.model.job import Owner
from webapp.services import Services


@pytest.fixture
def budgets(services: Services) -> Budgets:
    """Turn budgets on, with three jobs a month for everyone."""
    found = Budgets(services.engine, MonthlyBudget(jobs=3), ZoneInfo("Europe/Madrid"))
    found.count_new_jobs()
    services.budgets = found
    return found


@pytest.fixture
def owner(people: Callable[[], UUID]) -> Owner:
    return Owner(user_id=people())
