from datetime import datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from webapp.views.job_list.filter import Filter, InvalidDay


def test_a_filter_survives_its_address() -> None:
    criteria = Filter(tab="failed", type_name="report", before=uuid4())
    assert Filter.of(criteria.arguments()) == criteria


def test_the_plain_list_has_a_plain_address() -> None:
    assert Filter().arguments() == {}


@pytest.mark.parametrize("arguments", [{"tab": "nonsense"}, {"before": "x"}, {"tab": "", "type": ""}, {"page": "7"}])
def test_what_makes_no_sense_is_left_out(arguments: dict[str, str]) -> None:
    assert Filter.of(arguments) == Filter()


def test_another_tab_begins_at_its_newest_job() -> None:
    criteria = Filter(type_name="report").after(uuid4()).in_tab("done")
    assert criteria == Filter(tab="done", type_name="report")


ZONE = ZoneInfo("Europe/Madrid")
NOON = datetime(2026, 11, 25, 12, tzinfo=ZONE)


def test_everything_that_narrows_survives_its_address() -> None:
    criteria = Filter.of({"q": " a  b ", "whose": "mine", "when": "7", "type": "report", "warned": "1"})
    assert Filter.of(criteria.arguments()) == criteria
    assert criteria.text == "a b"
    assert criteria.is_narrowed
    assert not criteria.is_empty


@pytest.mark.parametrize(("when", "day"), [("today", 25), ("7", 18)])
def test_days_are_those_of_the_reader(when: str, day: int) -> None:
    assert Filter(when=when).criteria(NOON).since == datetime(2026, 11, day, tzinfo=ZONE)


def test_own_days_include_the_last_one() -> None:
    criteria = Filter.of({"since": "2026-11-01", "until": "2026-11-02", "when": "7"}).criteria(NOON)
    assert (criteria.since, criteria.until) == (datetime(2026, 11, 1, tzinfo=ZONE), datetime(2026, 11, 3, tzinfo=ZONE))


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_ends_of_time_are_no_bounds(day: str) -> None:
    assert Filter.of({"since": "0001-01-01", "until": "9999-12-31"}).criteria(NOON) == Filter().criteria(NOON)
    Filter.of({"since": day, "until": day}).criteria(NOON)


def test_a_day_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidDay, match=r"31\.12\."):
        Filter.of({"until": "31.12."}).criteria(NOON)
