from datetime import timedelta

import pytest

from webapp.jobs.model.periods import EXAMPLES, parse_period, period_in_units


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("90s", timedelta(seconds=90)),
        ("10m", timedelta(minutes=10)),
        ("24h", timedelta(days=1)),
        ("1d12h", timedelta(hours=36)),
        ("36500d", timedelta(days=36_500)),
    ],
)
def test_a_period_is_a_sum_of_units(text: str, period: timedelta) -> None:
    assert parse_period(text) == period


@pytest.mark.parametrize("text", ["", "24", "h", "1w", "-1h", "1.5h", "24 h", "36501d", "1234567s", "٣h"])
def test_any_other_text_is_no_period(text: str) -> None:
    assert parse_period(text) is None


def test_every_example_is_a_period() -> None:
    assert all(map(parse_period, EXAMPLES.split(", ")))


@pytest.mark.parametrize(
    ("period", "text"),
    [
        (timedelta(hours=2), "2 h"),
        (timedelta(days=60), "1,440 h"),
        (timedelta(minutes=90), "1 h 30 min"),
        (timedelta(seconds=61.5), "1 min 1.5 s"),
        (timedelta(milliseconds=200), "0.2 s"),
        (timedelta(0), "0 s"),
    ],
)
def test_a_stored_period_has_units_that_need_no_translation(period: timedelta, text: str) -> None:
    assert period_in_units(period) == text
