"""What a search found in a job is shown with the text around it."""

from uuid import uuid4

import pytest
from flask import Flask

from webapp.jobs.model.job import Job, Status
from webapp.views.job_list.search_match import SearchMatch, search_matches, search_words

JOB = Job(
    id=uuid4(),
    type="order",
    title="Order",
    status=Status.FAILED,
    payload={"customer": {"name": "Müller GmbH"}, "lines": [{"sku": "A-7"}], "count": 12, "key": "gAAAAsecret"},
    message="Row 3 of 9",
    errors=({"text": "The warehouse in Lyon did not answer within thirty seconds, so the order was not sent."},),
)


@pytest.mark.parametrize(
    ("word", "match"),
    [
        ("MÜLLER", SearchMatch(label="customer", before="", word="Müller", after=" GmbH")),
        ("a-7", SearchMatch(label="lines", before="", word="A-7", after="")),
        ("12", SearchMatch(label="count", before="", word="12", after="")),
        (
            "lyon",
            SearchMatch(label="", before="The warehouse in ", word="Lyon", after=" did not answer within thirty …"),
        ),
    ],
)
def test_a_word_is_shown_with_the_text_around_it(app: Flask, word: str, match: SearchMatch) -> None:
    with app.test_request_context():
        assert search_matches(JOB, [word], ("Order",)) == (match,)


def test_a_word_that_the_row_shows_anyway_is_not_repeated(app: Flask) -> None:
    with app.test_request_context():
        assert search_matches(JOB, ["order", "lyon"], ("Order", "The warehouse in Lyon did not answer")) == ()


def test_nothing_inside_a_secret_is_searched(app: Flask) -> None:
    with app.test_request_context():
        assert search_matches(JOB, ["secret"], ()) == ()


def test_words_are_those_that_the_engine_looks_for() -> None:
    assert search_words(" b  a c d e ") == ("b", "a", "c", "d")
    assert search_words("") == ()
