from collections.abc import Callable

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, text

from tests.databases import BY_MONTH
from webapp.db.engine import writing
from webapp.db.revision import (
    MIGRATIONS,
    RevisionCheck,
    database_revision,
    expected_revision,
    matches_schema,
    pending,
    revisions,
)
from webapp.services import Services


def set_revision(engine: Engine, revision: str) -> None:
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def test_a_migrated_database_has_the_expected_revision(services: Services) -> None:
    assert database_revision(services.engine) == expected_revision()


@pytest.mark.dialect(both=True)
def test_the_tables_of_both_databases_match_the_schema(services: Services, database: str) -> None:
    assert matches_schema(services.engine)
    with writing(services.engine) as connection:
        connection.execute(text("DROP INDEX ix_jobs_type"))
    assert not matches_schema(services.engine)
    with writing(services.engine) as connection:
        connection.execute(text("CREATE INDEX ix_jobs_type ON jobs (type, id)"))


class TestOfTablesByMonth:
    """They have partitions, which the schema does not know."""

    @pytest.fixture
    def database(self) -> str:
        return BY_MONTH

    @pytest.fixture
    def change(self, services: Services, database: str) -> Callable[[str], None]:
        def change(statement: str) -> None:
            with writing(services.engine) as connection:
                connection.exec_driver_sql(statement)

        return change

    def test_partitions_are_as_the_schema_says(self, services: Services, change: Callable[[str], None]) -> None:
        assert matches_schema(services.engine)
        change("CREATE TABLE events_2026_01_expired (id bigint)")
        assert matches_schema(services.engine), "a month that was detached and is still to be dropped"

    @pytest.mark.parametrize(
        "statement",
        [
            "DROP INDEX ix_jobs_type",
            "CREATE INDEX ix_jobs_other ON jobs (type)",
            "ALTER TABLE jobs DROP COLUMN tags",
            "CREATE TABLE events_of_others (id bigint)",
            "ALTER TABLE attempts DROP CONSTRAINT fk_attempts_job_id_jobs",
            "ALTER TABLE events ADD CONSTRAINT fk_other FOREIGN KEY (job_id) REFERENCES users (id)",
        ],
    )
    def test_any_other_difference_is_found(
        self, services: Services, change: Callable[[str], None], statement: str
    ) -> None:
        change(statement)
        assert not matches_schema(services.engine)


def test_the_names_of_the_scripts_are_the_history_that_alembic_follows() -> None:
    scripts = list(ScriptDirectory(str(MIGRATIONS)).walk_revisions())
    assert revisions() == tuple(script.revision for script in reversed(scripts))


def test_a_database_lacks_the_revisions_after_its_own() -> None:
    *_, before, last = revisions()
    assert (pending(""), pending(before), pending(last), pending("9999")) == (revisions(), (last,), (), ())


def test_an_empty_database_has_no_revision() -> None:
    engine = create_engine("sqlite://")
    assert database_revision(engine) is None
    engine.dispose()


def test_new_jobs_start_only_while_the_revision_matches(
    services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("webapp.db.revision._CHECK_SECONDS", 0)
    check = RevisionCheck(services.engine)
    assert check.matches()
    set_revision(services.engine, "9999")
    assert not check.matches()
    assert "no new jobs start until they match" in caplog.text
    set_revision(services.engine, expected_revision())
    assert check.matches()
    assert "new jobs start again" in caplog.text


def test_the_revision_is_read_every_few_seconds_only(services: Services) -> None:
    check = RevisionCheck(services.engine)
    assert check.matches()
    set_revision(services.engine, "9999")
    assert check.matches(), "the next check is due in a few seconds"
