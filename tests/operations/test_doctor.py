from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text, update

from tests.databases import BY_MONTH
from tests.receivers import Inbox, mail_server_of
from tests.sign_in.openid_server import CLIENT, serving
from tests.wrong_clock import wrong_clock
from webapp.config import load
from webapp.db.engine import engine_options, writing
from webapp.jobs.maintenance.month_partitions import TABLES
from webapp.jobs.monitoring.clock_heartbeat import ClockHeartbeat
from webapp.operations import doctor
from webapp.operations.doctor import Diagnosis, Level, examine
from webapp.schema import clocks
from webapp.secret_key import replace_key
from webapp.services import Services

Look = Callable[..., dict[str, list[Diagnosis]]]


@pytest.fixture
def look(services: Services) -> Look:
    """Examine an installation; return what is not good, by subject."""

    def look(other: Services | None = None, **environment: str) -> dict[str, list[Diagnosis]]:
        found: dict[str, list[Diagnosis]] = {}
        for finding in examine(other or services, environment):
            assert finding.text.endswith((".", "?"))
            if finding.level is not Level.GOOD:
                found.setdefault(finding.subject, []).append(finding)
        return found

    return look


@pytest.fixture
def with_settings(tmp_path: Path, valkey_url: str) -> Iterator[Callable[..., Services]]:
    made: list[Services] = []

    def make(**values: object) -> Services:
        settings = load(**{"data_dir": tmp_path / "other", "redis_url": valkey_url, **values})
        made.append(Services(settings, create_engine(settings.database, **engine_options(settings.database))))
        return made[-1]

    yield make
    for services in made:
        services.engine.dispose()
        if "wake_ups" in vars(services):
            services.wake_ups.connection.close()


@pytest.mark.usefixtures("database")
@pytest.mark.dialect
def test_a_healthy_installation_lacks_only_processes(look: Look) -> None:
    assert set(look()) - {"disk", "limits", "folders"} == {"workers", "clock"}


class TestPartitions:
    """An installation whose tables have partitions by month."""

    @pytest.fixture
    def database(self) -> str:
        return BY_MONTH

    def test_a_month_without_a_partition_is_a_warning(self, look: Look, services: Services, database: str) -> None:
        assert "database" not in look()
        with writing(services.engine) as connection:
            following = services.pruner.months.current().after()
            for table in reversed(TABLES):
                connection.execute(text(f"DROP TABLE {table}_{following} CASCADE"))
        [warning] = look()["database"]
        assert "no partition for the next month" in warning.text
        services.pruner.add_months()
        assert "database" not in look()


class TestWithoutPartitions:
    """An installation on PostgreSQL that was made without the setting."""

    @pytest.fixture
    def database(self) -> str:
        return "postgresql"

    def test_a_setting_that_has_no_effect_is_a_warning(
        self, look: Look, services: Services, with_settings: Callable[..., Services], database: str
    ) -> None:
        url = services.engine.url.render_as_string(hide_password=False)
        [warning] = look(with_settings(database_url=url, database_partitions="month"))["database"]
        assert "is set, but the tables have no partitions" in warning.text


def test_a_clock_that_runs_is_seen_and_one_that_is_silent_is_not(look: Look, services: Services) -> None:
    ClockHeartbeat(services.engine).beat()
    assert "clock" not in look()
    with writing(services.engine) as connection:
        connection.execute(update(clocks).values(beat_at=datetime.now(UTC) - timedelta(minutes=1)))
    assert "clock" in look()


def test_settings_that_make_no_sense_are_named(look: Look, with_settings: Callable[..., Services]) -> None:
    odd = with_settings(public_url="http://jobs.example.org", secret_key="k" * 32)
    assert [finding.text for finding in look(odd, DESKJOB_WORKER="3")["settings"]] == [
        "DESKJOB_WORKER is not a setting and is ignored. Did you mean DESKJOB_WORKERS?",
        "DESKJOB_PUBLIC_URL begins with http, so passwords travel unencrypted.",
    ]
    behind = with_settings(trusted_proxies="1", secret_key="k" * 32)
    assert "no DESKJOB_PUBLIC_URL" in look(behind)["settings"][0].text


def test_files_that_others_can_read_are_reported(
    look: Look, services: Services, with_settings: Callable[..., Services]
) -> None:
    services.settings.data_dir.chmod(0o755)
    assert "chmod go-rwx" in look()["folders"][0].advice
    own_key = with_settings()
    folder = own_key.settings.data_dir
    assert "secret key" not in look(own_key)
    replace_key(own_key.settings)
    (folder / "secret_key").chmod(0o644)
    (folder / "secret_key_old").chmod(0o640)
    (folder / "deskjob.sqlite3").touch()
    (folder / "deskjob.sqlite3").chmod(0o604)
    found = look(own_key)
    assert [diagnosis.advice for diagnosis in found["secret key"]] == [
        f"Run: chmod 600 {folder / name}" for name in ("secret_key", "secret_key_old")
    ]
    assert {diagnosis.level for diagnosis in (*found["secret key"], *found["files"])} == {Level.PROBLEM}


def test_a_database_without_tables_or_without_an_answer_is_a_problem(
    look: Look, with_settings: Callable[..., Services], tmp_path: Path
) -> None:
    assert "There is no database" in look(with_settings())["database"][0].text
    (tmp_path / "other" / "deskjob.sqlite3").touch()
    assert look(with_settings())["database"][0].advice == "Run ./deskjob db upgrade."
    away = with_settings(database_url="postgresql://nobody@127.0.0.1:1/nothing", secret_key="k" * 32)
    assert "does not answer" in look(away)["database"][0].text


def test_an_unreachable_redis_is_a_problem_or_a_warning_if_embedded(
    look: Look, with_settings: Callable[..., Services], services: Services
) -> None:
    database = services.settings.database_url
    away = with_settings(redis_url="redis://127.0.0.1:1", database_url=database)
    assert look(away)["Redis"][0].level is Level.PROBLEM
    embedded = with_settings(redis_url="", database_url=database)
    assert look(embedded)["Redis"][0].level is Level.WARNING


def test_a_module_of_job_types_that_is_missing_is_a_problem(look: Look, with_settings: Callable[..., Services]) -> None:
    assert "office_jobs" in look(with_settings(jobtypes=("office_jobs",)))["job types"][0].text


@pytest.mark.parametrize(("seconds", "level"), [(0, Level.GOOD), (5, Level.WARNING), (-3600, Level.PROBLEM)])
def test_the_clock_offset_is_reported(services: Services, seconds: int, level: Level) -> None:
    with wrong_clock(timedelta(seconds=seconds)):
        assert doctor._skew(services).level is level


def test_a_disk_that_is_nearly_full_is_a_problem(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_LITTLE_SPACE", 10**18)
    assert {finding.level for finding in look()["disk"]} == {Level.PROBLEM}


def test_few_files_are_a_warning(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.resource, "getrlimit", lambda _: (256, 1024))
    assert "1,024 files" in look()["limits"][0].text


@pytest.mark.storages
def test_a_bucket_that_works_is_good_and_one_that_is_gone_is_a_problem(
    storage: str, look: Look, services: Services
) -> None:
    assert "files" not in look()
    if storage == "s3":
        services.settings = services.settings.model_copy(update={"storage_url": "s3://no-such-bucket/files"})
        (found,) = look()["files"]
        assert found.level is Level.PROBLEM
        assert "The bucket no-such-bucket of the file storage does not exist." in found.text


def test_files_in_two_places_are_a_warning_that_says_how_to_move_them(look: Look, services: Services) -> None:
    services.settings = services.settings.model_copy(update={"storage_url_old": str(services.settings.data_dir)})
    (found,) = look()["files"]
    assert (found.level, "./deskjob files move" in found.advice) == (Level.WARNING, True)


def test_launchers_are_read_and_their_programs_looked_for(
    look: Look, with_settings: Callable[..., Services], tmp_path: Path
) -> None:
    path = tmp_path / "launchers.toml"
    path.write_text("[queues.far]\nstart = 'sh -c {job}'\n[queues.farther]\nstart = 'no-such-program {job}'")
    [missing] = look(with_settings(launchers=path))["launchers"]
    assert missing.text == "The launcher of queue farther needs no-such-program, which is not installed here."
    path.write_text("[queues.far]")
    [wrong] = look(with_settings(launchers=path))["launchers"]
    assert (wrong.level, "start: Field required" in wrong.text) == (Level.PROBLEM, True)


def test_an_openid_provider_is_asked(look: Look, with_settings: Callable[..., Services]) -> None:
    with serving() as server:
        known = {"oidc_issuer": server.issuer, "oidc_client_id": CLIENT, "public_url": "http://127.0.0.1:8000"}
        assert "single sign-on" not in look(with_settings(**known))
        server.metadata["issuer"] = "http://127.0.0.1:1"
        [other] = look(with_settings(**known))["single sign-on"]
        assert "it calls itself 'http://127.0.0.1:1'" in other.text
    [away] = look(with_settings(**known))["single sign-on"]
    assert "it cannot be reached" in away.text
    [unfinished] = look(with_settings(oidc_issuer=server.issuer))["single sign-on"]
    assert "DESKJOB_OIDC_CLIENT_ID" in unfinished.text


def test_a_mail_server_is_asked_and_gets_no_mail(look: Look, with_settings: Callable[..., Services]) -> None:
    inbox = Inbox()
    with mail_server_of(inbox) as server:
        settings = {"smtp_url": f"smtp://127.0.0.1:{server.port}"}
        assert "mail" not in look(with_settings(**settings))
    assert inbox.mails == []
    [away] = look(with_settings(**settings))["mail"]
    assert (away.level, "cannot be reached" in away.text) == (Level.PROBLEM, True)
