from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from webapp.jobs.model.job import Job, Status

Ended = Callable[..., Job]


def test_each_type_says_how_often_it_failed_and_how_long_it_ran(
    operator: FlaskClient, ended: Ended, fold: Callable[[], None], database: str
) -> None:
    for _ in range(3):
        ended()
    ended(Status.FAILED, 5, "broken")
    fold()
    page = operator.get("/admin/performance").text
    assert "25.0 %" in page
    assert "~9\N{NO-BREAK SPACE}s" in page
    assert "few" in page
    assert "/admin/jobs?type=report&amp;ended_since=" in page


def test_with_enough_samples_nothing_is_said_to_be_few(
    operator: FlaskClient, ended: Ended, fold: Callable[[], None]
) -> None:
    for _ in range(20):
        ended()
    fold()
    page = operator.get("/admin/performance").text
    assert "few)" not in page.split("<tbody>")[1]


@pytest.mark.parametrize(("chosen", "there"), [("1h", False), ("24h", False), ("7d", True), ("nonsense", False)])
def test_a_range_bounds_what_is_compared(
    operator: FlaskClient, ended: Ended, fold: Callable[[], None], chosen: str, *, there: bool
) -> None:
    ended(minutes=60 * 24 * 3)
    fold()
    page = operator.get(f"/admin/performance?range={chosen}").text
    assert ("<tbody>" in page) is there
    assert ("No runs finished in this period" in page) is not there
