from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import literal, select, union_all
from sqlalchemy.exc import StatementError

from tests.installation import wait_for
from webapp.db.engine import reading, writing
from webapp.schema import UtcDateTime, database_time, hour_of, in_lines, later, now, seconds_between
from webapp.services import Services

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect(both=True)]
ROOT = Path(__file__).parent.parent.parent
AT = datetime(2026, 3, 1, 12, 34, 56, 789000, tzinfo=UTC)


def selected(services: Services, expression: object) -> object:
    with reading(services.engine) as connection:
        return connection.execute(select(expression)).scalar_one()


def test_a_datetime_is_stored_and_returned_in_utc(services: Services) -> None:
    vienna = AT.astimezone(timezone(timedelta(hours=1)))
    stored = selected(services, literal(vienna, UtcDateTime()))
    assert stored == AT
    assert stored.utcoffset() == timedelta(0)


def test_a_datetime_without_a_time_zone_is_rejected(services: Services) -> None:
    with pytest.raises(StatementError, match="has no time zone"):
        selected(services, literal(AT.replace(tzinfo=None), UtcDateTime()))


def test_the_time_of_the_database_is_aware_and_later_adds_seconds(services: Services) -> None:
    at = selected(services, now())
    assert at.tzinfo is not None
    assert timedelta(seconds=58) < selected(services, later(60)) - at < timedelta(seconds=120)
    assert selected(services, later(-60)) < at


def test_the_time_of_the_database_moves_on_within_a_transaction(services: Services) -> None:
    with writing(services.engine) as connection:
        first = database_time(connection)
        assert first.utcoffset() == timedelta(0)
        wait_for(lambda: database_time(connection) > first)


def test_one_function_asks_the_database_for_its_time() -> None:
    modules = [path for path in (ROOT / "webapp").rglob("*.py") if "select(now())" in path.read_text()]
    assert modules == [ROOT / "webapp/schema/columns.py"]


def test_hour_of_is_the_start_of_the_hour_in_utc(services: Services) -> None:
    assert selected(services, hour_of(literal(AT, UtcDateTime()))) == datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_seconds_between_counts_from_the_first_to_the_second(services: Services) -> None:
    start, end = literal(AT, UtcDateTime()), literal(AT + timedelta(seconds=90.5), UtcDateTime())
    assert float(selected(services, seconds_between(start, end))) == pytest.approx(90.5, abs=0.001)
    assert float(selected(services, seconds_between(end, start))) == pytest.approx(-90.5, abs=0.001)


def test_the_texts_of_rows_are_lines_of_one_text(services: Services) -> None:
    words = union_all(select(literal("one").label("word")), select(literal("two"))).subquery()
    assert sorted(str(selected(services, in_lines(words.c.word))).splitlines()) == ["one", "two"]
    with reading(services.engine) as connection:
        none = select(in_lines(words.c.word)).where(words.c.word == "three")
        assert connection.execute(none).scalar_one() is None
