import os
import subprocess
import sys

import click
import pytest

from webapp.cli import deskjob
from webapp.cli.command_group import LazyCommand, LazyGroup

CODE = """
import sys
from webapp.cli import main
try:
    main()
finally:
    print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""
ENGINE = {"sqlalchemy", "redis", "rq", "alembic", "flask", "psycopg"}


def run(*words: str, **settings: str) -> tuple[int, set[str]]:
    """Return the exit status of a command, and the packages that it imported."""
    command, environment = [sys.executable, "-c", CODE, *words], {**os.environ, **settings}
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    return done.returncode, set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("group", ["", "worker", "db", "user", "job", "schedule", "queue", "type"])
def test_the_help_of_a_group_imports_neither_the_engine_nor_the_settings(group: str) -> None:
    status, packages = run(*group.split(), "--help")
    assert status == 0
    assert "click" in packages
    assert not packages & {*ENGINE, "pydantic"}


@pytest.mark.parametrize(
    "words", [("bogus",), ("--bogus",), ("job", "bogus"), ("job", "--bogus"), ("worker", "--bogus"), ("user",)]
)
def test_a_mistyped_command_or_option_imports_neither_the_engine_nor_the_settings(words: tuple[str, ...]) -> None:
    status, packages = run(*words)
    assert status == 2
    assert not packages & {*ENGINE, "pydantic"}


@pytest.mark.parametrize("command", ["worker", "up", "web", "clock", "job list", "db upgrade"])
def test_a_bad_setting_is_refused_before_the_engine_is_imported(command: str) -> None:
    status, packages = run(*command.split(), DESKJOB_WORKERS="x")
    assert status == 2
    assert not packages & ENGINE


def test_a_bad_setting_does_not_prevent_the_help_of_a_command() -> None:
    assert run("worker", "list", "--help", DESKJOB_WORKERS="x")[0] == 0


def lazy_commands(group: click.Command, path: str = "") -> list[tuple[str, click.Command]]:
    if isinstance(group, LazyGroup):
        return [found for name, command in group.commands.items() for found in lazy_commands(command, f"{path} {name}")]
    return [(path.strip(), group)]


@pytest.mark.parametrize(("path", "command"), lazy_commands(deskjob))
def test_the_summary_of_a_command_is_the_first_sentence_of_its_help(path: str, command: LazyCommand) -> None:
    assert command.load().name == path.rsplit(maxsplit=1)[-1]
    assert command.load().get_short_help_str(1000).rstrip(".") == command.short_help.rstrip(".")
