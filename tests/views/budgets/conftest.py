from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.jobs.budgets.budget import MonthlyBudget
from webapp.jobs.budgets.service import Budgets
from webapp.services import Services


@pytest.fixture
def budgets(services: Services) -> Budgets:
    """Turn budgets on, with two jobs a month for everyone."""
    found = Budgets(services.engine, MonthlyBudget(jobs=2), ZoneInfo("UTC"))
    found.count_new_jobs()
    services.budgets = found
    return found


@pytest.fixture
def by(person: Callable[..., User], client_of: Callable[[User], FlaskClient]) -> Callable[[str], FlaskClient]:
    """Give the browser of somebody of this role."""
    return lambda role: client_of(person(role, role=role))
