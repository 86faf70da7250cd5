from datetime import timedelta

import pytest

from webapp.jobs.model.rate import Rate
from webapp.views.text.date_format import SPACE
from webapp.views.text.rate_words import rate_use, rate_words

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (Rate(100, HOUR), "100 per hour of this type"),
        (Rate(1, timedelta(seconds=1), by="owner"), "1 per second of this type for each owner"),
        (Rate(5, timedelta(days=1), by=str), "5 per day of this type with the same key"),
        (Rate(20, timedelta(minutes=15)), f"20 in 15{SPACE}min of this type"),
    ],
)
def test_a_rate_in_words(rate: Rate, words: str) -> None:
    assert rate_words(rate) == words


def test_the_use_of_a_rate() -> None:
    assert rate_use(Rate(100, HOUR), 37) == "37 of 100 in the last hour"
    assert rate_use(Rate(9, timedelta(days=1)), 0) == f"0 of 9 in the last 1{SPACE}d"
