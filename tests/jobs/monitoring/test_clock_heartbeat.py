from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from webapp.db.engine import reading, writing
from webapp.jobs.monitoring import clock_heartbeat
from webapp.jobs.monitoring.clock_heartbeat import ClockHeartbeat, is_clock_silent, time_since_heartbeat
from webapp.schema import clocks, later
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def count(services: Services) -> int:
    with reading(services.engine) as connection:
        return connection.execute(select(func.count()).select_from(clocks)).scalar_one()


def set_back(services: Services, age: timedelta) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(clocks).values(beat_at=later(-age.total_seconds())))


def test_without_a_clock_there_is_no_heartbeat(services: Services) -> None:
    assert time_since_heartbeat(services.engine) is None
    assert is_clock_silent(services.engine)


def test_a_clock_has_a_heartbeat_until_it_stops(services: Services) -> None:
    heartbeat = ClockHeartbeat(services.engine)
    heartbeat.beat()
    assert time_since_heartbeat(services.engine) < timedelta(minutes=10)
    set_back(services, timedelta(0))
    assert not is_clock_silent(services.engine)
    heartbeat.stop()
    assert is_clock_silent(services.engine)


def test_the_latest_heartbeat_of_several_clocks_counts(services: Services) -> None:
    ClockHeartbeat(services.engine).beat()
    set_back(services, timedelta(minutes=5))
    assert is_clock_silent(services.engine)
    ClockHeartbeat(services.engine).beat()
    assert not is_clock_silent(services.engine)
    assert count(services) == 2


def test_a_clock_updates_one_row_every_few_seconds(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    heartbeat = ClockHeartbeat(services.engine)
    heartbeat.beat()
    set_back(services, timedelta(minutes=5))
    heartbeat.beat()
    assert is_clock_silent(services.engine), "it does not write before its time"
    monkeypatch.setattr(clock_heartbeat, "monotonic", lambda: 10.0**9)
    heartbeat.beat()
    assert not is_clock_silent(services.engine)
    assert count(services) == 1


def test_the_row_of_a_killed_clock_is_deleted_after_an_hour(services: Services) -> None:
    ClockHeartbeat(services.engine).beat()
    set_back(services, timedelta(hours=2))
    ClockHeartbeat(services.engine).beat()
    assert count(services) == 1
