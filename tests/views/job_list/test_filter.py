from datetime import datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from webapp.views.job_list.filter import Filter, InvalidDay


def test_a_filter_survives_a_round_trip_through_its_url() -> None:
    criteria = Filter(tab="failed", type_name="report", before=uuid4())
    assert Filter.of(criteria.arguments()) == criteria


def test_an_empty_filter_has_no_query_arguments() -> None:
    assert Filter().arguments() == {}


@pytest.mark.parametrize("arguments", [{"tab": "nonsense"}, {"before": "x"}, {"tab": "", "type": ""}, {"page": "7"}])
def test_invalid_values_are_ignored(arguments: dict[str, str]) -> None:
    assert Filter.of(arguments) == Filter()


def test_another_tab_starts_on_its_first_page() -> None:
    criteria = Filter(type_name="report").after(uuid4()).in_tab("done")
    assert criteria == Filter(tab="done", type_name="report")


ZONE = ZoneInfo("Europe/Madrid")
NOON = datetime(2026, 11, 25, 12, tzinfo=ZONE)


def test_every_field_survives_a_round_trip_through_the_url() -> None:
    job_filter = Filter.of({"q": " a  b ", "whose": "mine", "when": "7", "type": "report", "warned": "1"})
    assert Filter.of(job_filter.arguments()) == job_filter
    assert job_filter.text == "a b"
    assert job_filter.is_narrowed
    assert not job_filter.is_empty


@pytest.mark.parametrize(("when", "day"), [("today", 25), ("7", 18)])
def test_days_use_the_time_zone_of_the_viewer(when: str, day: int) -> None:
    assert Filter(when=when).criteria(NOON).since == datetime(2026, 11, day, tzinfo=ZONE)


def test_custom_dates_include_the_last_day() -> None:
    criteria = Filter.of({"since": "2026-11-01", "until": "2026-11-02", "when": "7"}).criteria(NOON)
    assert (criteria.since, criteria.until) == (datetime(2026, 11, 1, tzinfo=ZONE), datetime(2026, 11, 3, tzinfo=ZONE))


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_first_and_last_possible_dates_are_no_bounds(day: str) -> None:
    assert Filter.of({"since": "0001-01-01", "until": "9999-12-31"}).criteria(NOON) == Filter().criteria(NOON)
    Filter.of({"since": day, "until": day}).criteria(NOON)


def test_an_invalid_day_is_refused() -> None:
    with pytest.raises(InvalidDay, match=r"31\.12\."):
        Filter.of({"until": "31.12."}).criteria(NOON)
