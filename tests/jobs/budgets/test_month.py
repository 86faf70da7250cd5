from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from webapp.jobs.budgets.month import Month

MADRID = ZoneInfo("Europe/Madrid")


@pytest.mark.parametrize(
    ("moment", "name", "begins", "ends"),
    [
        (datetime(2026, 11, 30, 22, 59, tzinfo=UTC), "2026-11", (2026, 11, 1), (2026, 12, 1)),
        (datetime(2026, 11, 30, 23, 0, tzinfo=UTC), "2026-12", (2026, 12, 1), (2027, 1, 1)),
        (datetime(2028, 2, 29, tzinfo=UTC), "2028-02", (2028, 2, 1), (2028, 3, 1)),
    ],
)
def test_a_month_begins_at_midnight_of_the_installation(
    moment: datetime, name: str, begins: tuple[int, int, int], ends: tuple[int, int, int]
) -> None:
    month = Month.of(moment, MADRID)
    found = (month.name, month.begins_at, month.ends_at)
    assert found == (name, datetime(*begins, tzinfo=MADRID), datetime(*ends, tzinfo=MADRID))


def test_the_month_before_ends_where_this_one_begins() -> None:
    january = Month.of(datetime(2027, 1, 15, tzinfo=UTC), MADRID)
    before = january.before()
    assert (before.name, before.ends_at) == ("2026-12", january.begins_at)
    assert before.before().name == "2026-11"
