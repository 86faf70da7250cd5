"""What commands say when the database is not the one that they need."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import text

from webapp.db.engine import writing
from webapp.services import Services

Run = Callable[..., Result]
COMMANDS = (("job", "list"), ("job", "start", "maintenance"), ("user", "list"), ("queue", "list"), ("token", "list"))


def execute(services: Services, *statements: str) -> None:
    with writing(services.engine) as connection:
        for statement in statements:
            connection.execute(text(statement))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_that_finds_older_tables_says_what_to_do(
    run: Run, services: Services, words: tuple[str, ...]
) -> None:
    gone = [f"ALTER TABLE {name} RENAME TO former_{name}" for name in ("jobs", "users", "queues", "api_tokens")]
    execute(services, *gone, "UPDATE alembic_version SET version_num = '0001'")
    refused = run(*words)
    assert refused.exit_code == 2
    assert refused.stderr.startswith("deskjob: The tables have revision 0001, but this program needs ")
    assert refused.stderr.endswith(". Run ./deskjob db upgrade.\n")


def test_a_command_that_finds_no_tables_says_what_to_do(run: Run, services: Services) -> None:
    execute(services, "ALTER TABLE jobs RENAME TO former", "DELETE FROM alembic_version")
    refused = run("job", "list")
    sentence = "The database has no tables yet. Run ./deskjob db upgrade first."
    assert (refused.exit_code, refused.stderr) == (2, f"deskjob: {sentence}\n")


def test_a_command_that_finds_no_file_says_what_to_do(run: Run, services: Services) -> None:
    services.engine.dispose()
    Path(str(services.engine.url.database)).unlink()
    refused = run("job", "list")
    assert refused.exit_code == 2
    assert "Put its file back, or run ./deskjob db upgrade to create one." in refused.stderr
