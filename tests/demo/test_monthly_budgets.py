import pytest

from webapp.demo.monthly_budgets import create_budgets
from webapp.demo.people import create_staff
from webapp.jobs.model.job import Owner
from webapp.services import Services


@pytest.mark.usefixtures("database")
def test_what_users_have_started_is_counted_against_their_limits(services: Services) -> None:
    staff = create_staff(services, "seven plain copper kettles")
    services.jobs.create_many("job_history_export", [{"format": "csv"}] * 12, owner=Owner(user_id=staff["ben"].id))
    create_budgets(services, staff)
    limits, usage = services.budgets.of_user(staff["ben"].id)
    assert (usage.jobs, limits.jobs) == (12, 14)
    limits, usage = services.budgets.of_user(staff["ana"].id)
    assert (usage.jobs, limits.jobs, limits.cpu_seconds) == (0, 2_000, 20_000)
