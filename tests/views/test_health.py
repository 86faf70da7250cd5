from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from webapp.db.engine import writing
from webapp.jobs.monitoring.clock_heartbeat import ClockHeartbeat
from webapp.schema import clocks, later
from webapp.services import Services


@pytest.fixture
def stranger(app: object) -> FlaskClient:
    return app.test_client()


def test_health_checks_need_no_login(stranger: FlaskClient) -> None:
    assert stranger.get("/healthz").json == {"web": "ok"}


@pytest.mark.usefixtures("database")
def test_a_silent_clock_is_reported(stranger: FlaskClient, services: Services) -> None:
    assert stranger.get("/readyz").json == {"database": "ok", "redis": "ok", "clock": "silent"}
    assert stranger.get("/readyz").status_code == 200, "people are served all the same"
    assert stranger.get("/readyz/clock").status_code == 503
    ClockHeartbeat(services.engine).beat()
    assert stranger.get("/readyz/clock").status_code == 200
    with writing(services.engine) as connection:
        connection.execute(update(clocks).values(beat_at=later(-timedelta(minutes=1).total_seconds())))
    assert stranger.get("/readyz").json["clock"] == "silent"


def test_an_unavailable_redis_is_reported(stranger: FlaskClient, services: Services) -> None:
    services.wake_ups.connection.connection_pool.reset()
    services.wake_ups.connection.connection_pool.connection_kwargs["path"] = "/no/such/socket"
    assert stranger.get("/readyz").json["redis"] == "cannot be reached"
    assert stranger.get("/readyz/redis").status_code == 503
    assert stranger.get("/readyz/database").status_code == 200


def test_an_unknown_part_is_not_found(stranger: FlaskClient) -> None:
    assert stranger.get("/readyz/engine").status_code == 404


def test_a_removed_sqlite_file_is_noticed_and_nothing_new_is_accepted(
    stranger: FlaskClient, client: FlaskClient, services: Services
) -> None:
    assert stranger.get("/readyz/database").status_code == 200
    path = Path(str(services.engine.url.database))
    path.unlink()
    assert stranger.get("/readyz").json["database"] == "cannot be reached"
    assert stranger.get("/readyz").status_code == 503
    page = client.get("/jobs")
    assert page.status_code == 503
    assert "The database file was removed." in page.text
    with pytest.raises(OperationalError, match="was removed"):
        services.jobs.create_job("maintenance")
    path.touch()  # as a command makes that is started meanwhile
    assert stranger.get("/readyz/database").status_code == 503
