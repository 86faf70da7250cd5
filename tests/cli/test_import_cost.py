import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import click
import pytest

from webapp.cli import deskjob
from webapp.cli.command_group import LazyGroup

CODE = """
import json, sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from webapp.cli import main
for line in json.loads(sys.argv[1]):
    sys.argv[1:] = line.split()
    status = 0
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        try:
            main()
        except SystemExit as end:
            status = end.code
    packages = {name.partition(".")[0] for name in sys.modules}
    types = {name for name in sys.modules if name.startswith("webapp.jobtypes.")}
    print(json.dumps([line, status, sorted(packages | types)]))
"""
ENGINE = {"sqlalchemy", "redis", "rq", "alembic", "flask", "psycopg"}
EVERYTHING = {*ENGINE, "pydantic"}


def run_each(lines: Iterable[str], **settings: str) -> dict[str, tuple[int, set[str]]]:
    """Run commands in one new process; return for each its exit status, and what was imported up to its end.

    That are the packages, and the modules of job types. What no command may import is missing after the last one, so
    one process shows as much as one for each of them.
    """
    command, environment = [sys.executable, "-c", CODE, json.dumps(list(lines))], {**os.environ, **settings}
    done = subprocess.run(command, check=True, env=environment, capture_output=True, text=True)
    return {line: (status, set(packages)) for line, status, packages in map(json.loads, done.stdout.splitlines())}


def run(line: str, **settings: str) -> tuple[int, set[str]]:
    return run_each([line], **settings)[line]


def job_types(imported: Iterable[str]) -> set[str]:
    return {name for name in imported if name.startswith("webapp.jobtypes.")}


def lazy_commands(group: click.Command, path: str = "") -> list[tuple[str, click.Command]]:
    if isinstance(group, LazyGroup):
        return [found for name, command in group.commands.items() for found in lazy_commands(command, f"{path} {name}")]
    return [(path.strip(), group)]


COMMANDS = dict(lazy_commands(deskjob))
INCOMPLETE = [path for path, command in COMMANDS.items() if any(each.required for each in command.load().params)]


def test_the_help_of_a_group_imports_neither_the_engine_nor_the_settings() -> None:
    groups = ("", "worker", "db", "user", "job", "schedule", "queue", "type", "notifications")
    results = run_each(f"{group} --help" for group in groups)
    assert {status for status, _ in results.values()} == {0}
    assert all("click" in packages for _, packages in results.values())
    assert [line for line, (_, packages) in results.items() if packages & EVERYTHING] == []


def test_a_mistyped_command_or_option_imports_neither_the_engine_nor_the_settings() -> None:
    results = run_each(["bogus", "--bogus", "job bogus", "job --bogus", "worker --bogus", "user"])
    assert {status for status, _ in results.values()} == {2}
    assert [line for line, (_, packages) in results.items() if packages & EVERYTHING] == []


@pytest.mark.parametrize("option", ["--help", "--bogus"])
def test_the_help_and_a_wrong_option_of_a_command_import_neither_the_engine_nor_the_settings(option: str) -> None:
    results = run_each(f"{path} {option}" for path in COMMANDS)
    assert len(results) == len(COMMANDS)
    assert {status for status, _ in results.values()} == {0 if option == "--help" else 2}
    assert [line for line, (_, packages) in results.items() if packages & EVERYTHING] == []


def test_a_missing_argument_imports_neither_the_engine_nor_the_settings() -> None:
    results = run_each(INCOMPLETE)
    assert "user add" in results
    assert {status for status, _ in results.values()} == {2}
    assert [line for line, (_, packages) in results.items() if packages & EVERYTHING] == []


def test_a_command_that_reads_loads_neither_redis_nor_job_types(database_url: str, tmp_path: Path) -> None:
    lines = ("job list", "job list --owner nobody", "user list", "token list", "notifications list", "queue list")
    results = run_each(lines, DESKJOB_DATABASE_URL=database_url, DESKJOB_DATA_DIR=str(tmp_path))
    assert all("sqlalchemy" in packages for _, packages in results.values())
    not_needed = {"redis", "rq", "flask", "jinja2", "babel", "xlsxwriter", "alembic"}
    found = {line: packages & not_needed | job_types(packages) for line, (_, packages) in results.items()}
    assert {line: names for line, names in found.items() if names} == {}


@pytest.mark.parametrize("module", ["webapp.jobs.job_queries", "webapp.jobs.monitoring.workers"])
def test_what_reads_loads_nothing_that_creates_jobs(module: str) -> None:
    code = f"import sys, webapp.services, {module}; print(*sys.modules)"
    modules = set(subprocess.check_output([sys.executable, "-c", code], text=True).split())
    assert {module, "webapp.schema"} <= modules
    assert modules & {"webapp.jobs.lifecycle", "webapp.jobs.definition.job_type", "rq"} == set()


def test_the_list_of_workers_loads_redis_but_not_rq(valkey_url: str, database_url: str, tmp_path: Path) -> None:
    places = {"DESKJOB_DATABASE_URL": database_url, "DESKJOB_DATA_DIR": str(tmp_path)}
    _, packages = run("worker list", **places, DESKJOB_REDIS_URL=valkey_url)
    assert "redis" in packages
    assert not packages & {"rq", "flask"} | job_types(packages)


def test_starting_a_job_loads_only_its_own_type(database_url: str, tmp_path: Path) -> None:
    settings = {"DESKJOB_DATABASE_URL": database_url, "DESKJOB_DATA_DIR": str(tmp_path)}
    status, packages = run("job start maintenance", **settings, DESKJOB_REDIS_URL=f"unix://{tmp_path}/nobody")
    assert status == 0
    assert job_types(packages) == {"webapp.jobtypes.maintenance"}
    assert not packages & {"flask", "jinja2", "babel", "xlsxwriter", "alembic"}


def test_the_process_that_up_forks_workers_and_the_clock_from_does_not_load_the_pages() -> None:
    code = "import sys, webapp.processes.up; print(*{name.partition('.')[0] for name in sys.modules})"
    packages = set(subprocess.check_output([sys.executable, "-c", code], text=True).split())
    assert {"sqlalchemy", "rq"} <= packages
    assert not packages & {"flask", "alembic", "flask_sqlalchemy", "wtforms", "gunicorn", "openpyxl"}


def test_a_bad_setting_is_refused_before_the_engine_is_imported() -> None:
    commands = ("worker", "up", "web", "clock", "job list", "db upgrade", "job show 01234567")
    results = run_each(commands, DESKJOB_WORKERS="x")
    assert {status for status, _ in results.values()} == {2}
    assert [line for line, (_, packages) in results.items() if packages & ENGINE] == []


def test_a_bad_setting_does_not_prevent_the_help_of_a_command() -> None:
    assert run("worker list --help", DESKJOB_WORKERS="x")[0] == 0


def test_the_summary_of_a_command_is_the_first_sentence_of_its_help() -> None:
    for path, command in COMMANDS.items():
        assert command.load().name == path.rsplit(maxsplit=1)[-1]
        assert command.load().get_short_help_str(1000).rstrip(".") == command.short_help.rstrip("."), path


@pytest.mark.parametrize(("line", "seldom"), [("type --help", True), ("worker --help", False), ("up --help", False)])
def test_only_commands_that_end_soon_look_for_garbage_seldom(line: str, seldom: bool) -> None:
    code = (
        "import atexit, gc; atexit.register(lambda: print(gc.get_threshold()[0])); from webapp.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code, *line.split()], check=True, capture_output=True, text=True)
    assert (int(done.stdout.splitlines()[-1]) > 10_000) is seldom
