from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text, update

from webapp.config import load
from webapp.db.engine import writing
from webapp.jobs.maintenance import pruner
from webapp.jobs.model.job import Job, Status
from webapp.jobs.monitoring import components
from webapp.jobs.monitoring.clock_heartbeat import ClockHeartbeat
from webapp.jobs.store.attachments import Attachment
from webapp.schema import attachments, clocks, later
from webapp.services import Services
from webapp.version import version
from webapp.views.admin.system import setting_rows

DAY = 86_400


def test_versions_and_components_are_shown(auditor: FlaskClient, services: Services) -> None:
    page = auditor.get("/admin/system").text
    for words in (version(), "SQLAlchemy", "htmx", "4.0.1", "Valkey", "SQLite", "Pending migrations"):
        assert words in page
    assert "k" * 32 not in page, "the secret key is no page's business"
    assert "set, hidden" in page


@pytest.mark.usefixtures("database")
def test_a_database_reports_version_size_and_pending_migrations(services: Services) -> None:
    found = components.inspect_database(services.engine)
    assert found.kind in {"SQLite", "PostgreSQL"}
    assert found.bytes > 10_000
    assert (found.revision, found.pending) == (found.head, ())
    with writing(services.engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    pending = components.inspect_database(services.engine).pending
    assert pending[-1] == found.head
    assert "0001" not in pending


def test_pending_migrations_are_reported_with_the_command(auditor: FlaskClient, services: Services) -> None:
    with writing(services.engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    assert "Migrations are pending. Run: deskjob db upgrade" in auditor.get("/admin/system").text


def test_an_unreachable_redis_is_reported(auditor: FlaskClient, services: Services) -> None:
    services.wake_ups.connection.connection_pool.reset()
    services.wake_ups.connection.connection_pool.connection_kwargs["path"] = "/no/such/socket"
    page = auditor.get("/admin/system")
    assert (page.status_code, "Redis cannot be reached." in page.text) == (200, True)


def test_a_silent_scheduler_is_reported(auditor: FlaskClient, services: Services) -> None:
    sentence = "The scheduler is not running"
    assert sentence in auditor.get("/admin/system").text
    ClockHeartbeat(services.engine).beat()
    assert sentence not in auditor.get("/admin/system").text
    with writing(services.engine) as connection:
        connection.execute(update(clocks).values(beat_at=later(-16)))
    assert sentence in auditor.get("/admin/system").text


@pytest.mark.usefixtures("database")
def test_the_forecast_counts_what_expires_within_24_hours(
    services: Services, put: Callable[..., Job], attach: Callable[..., Attachment]
) -> None:
    soon = put(Status.COMPLETED, finished_at=later(-29.5 * DAY))
    put(Status.COMPLETED, finished_at=later(-28 * DAY))
    put(Status.RUNNING)
    attach(soon, "a.txt", b"12345")
    expiring = attach(put(Status.COMPLETED), "b.txt", b"123")
    attach(put(Status.COMPLETED), "c.txt", b"1")
    with writing(services.engine) as connection:
        connection.execute(update(attachments).where(attachments.c.id == expiring.id).values(expires_at=later(3600)))
    pruner_service = services.pruner
    found = pruner.forecast_pruning(services.engine, services.files, pruner_service.retention, services.registry)
    assert (found.jobs, found.files, found.bytes) == (1, 2, 8)
    assert pruner_service.prune(only_count=True) == 0, "not yet"


def test_upcoming_deletions_have_a_page(auditor: FlaskClient) -> None:
    assert "Nothing expires in the next 24 hours." in auditor.get("/admin/system/removal").text
    fragment = auditor.get("/admin/system/removal", headers={"HX-Request": "true"}).text
    assert "Nothing expires in the next 24 hours." in fragment
    assert "<title>" not in fragment  # htmx would take it over for the system page


def test_secrets_in_settings_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "swordfish-swordfish-swordfish-swordfish"
    settings = load(
        secret_key=secret,
        admin_password=secret,
        redis_url=f"redis://me:{secret}@localhost:6379",
        database_url=f"postgresql://me:{secret}@localhost/deskjob",
    )
    shown = {setting.variable: setting.value for setting in setting_rows(settings)}
    assert secret not in str(shown)
    assert shown["DESKJOB_REDIS_URL"] == "redis://***@localhost:6379"
    assert shown["DESKJOB_SECRET_KEY"] == "set, hidden"


def test_an_empty_setting_shows_the_effective_value(tmp_path: Path) -> None:
    rows = {row.variable: row for row in setting_rows(load(data_dir=tmp_path))}
    assert rows["DESKJOB_DATABASE_URL"].value == f"sqlite:///{tmp_path / 'deskjob.sqlite3'}"
    assert rows["DESKJOB_DATABASE_URL"].is_default
    assert rows["DESKJOB_PUBLIC_URL"].value == ""
