from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from webapp.views.forms.start_options import AT, KEY, TAGS, TITLE, StartOptions

NOW = datetime(2026, 11, 28, 10, tzinfo=UTC)
MADRID = ZoneInfo("Europe/Madrid")
SECRET, USER = "the key of the installation", uuid4()


@pytest.fixture(autouse=True)
def request_context(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        yield


def submitted(**values: str) -> StartOptions:
    names = {"title": TITLE, "at": AT, "tags": TAGS, "key": KEY}
    return StartOptions.of({names[name]: value for name, value in values.items()}, NOW, MADRID)


def test_an_empty_form_starts_now() -> None:
    options = submitted()
    assert (options.title, options.run_at, options.errors) == ("", None, {})


def test_a_start_time_is_in_the_zone_of_the_user() -> None:
    assert submitted(at="2026-11-28T12:30").run_at == datetime(2026, 11, 28, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ("soon", "must be a date and a time"),
        ("0001-01-01T00:00+23:00", "must be a date and a time"),
        ("2026-11-28T10:59", "in the past"),
        ("2028-01-01T00:00", "within the next year"),
    ],
)
def test_a_start_time_must_be_within_the_next_year(at: str, message: str) -> None:
    options = submitted(at=at)
    assert options.run_at is None
    assert message in options.errors[AT]
    assert options.typed_at == at


def test_tags_have_commas_between_them() -> None:
    assert submitted(tags="Urgent, month  end,").tags == ("month end", "urgent")
    refused = submitted(tags="x" * 41)
    assert (refused.tags, refused.typed_tags, TAGS in refused.errors) == ((), "x" * 41, True)


def test_a_title_is_one_line_of_limited_length() -> None:
    assert submitted(title=" Nightly \n report ").title == "Nightly report"
    assert TITLE in submitted(title="x" * 201).errors
    assert TITLE in submitted(title="a\0b").errors


def test_the_same_form_sent_twice_is_one_request() -> None:
    first, second = (submitted(key="k", title="t").request_key(SECRET, USER, {"a": 1}) for _ in range(2))
    assert first == second is not None


def test_another_content_user_or_form_is_another_request() -> None:
    form = submitted(key="k", title="t")
    keys = {
        form.request_key(SECRET, USER, {"a": 1}),
        form.request_key(SECRET, USER, {"a": 2}),
        form.request_key(SECRET, uuid4(), {"a": 1}),
        submitted(key="k", title="u").request_key(SECRET, USER, {"a": 1}),
        submitted(key="other", title="t").request_key(SECRET, USER, {"a": 1}),
    }
    assert len(keys) == 5


def test_a_form_without_a_key_makes_no_promise() -> None:
    assert submitted().request_key(SECRET, USER, {}) is None
    assert StartOptions.fresh().key != StartOptions.fresh().key
