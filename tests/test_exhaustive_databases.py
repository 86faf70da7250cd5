"""Which database a case runs on by default, as pytest collects a module with a test of each kind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.installation import PATIENCE_SECONDS, ROOT

DATABASES = ("sqlite", "postgresql")
TESTS = """
import pytest
from tests.exhaustive import every_pair

@pytest.mark.dialect
@pytest.mark.parametrize(("number", "word"), [(each, str(each)) for each in range(4)])
def test_cases(database, number, word): ...

@pytest.mark.dialect
def test_one(database): ...

@pytest.mark.dialect
def test_two(database): ...

@pytest.mark.dialect(both=True)
def test_difference(database): ...

@pytest.mark.dialect
@pytest.mark.parametrize(("place", "database"), every_pair("abc", ("sqlite", "postgresql")), indirect=["database"])
def test_pair(place, database): ...

def test_same_statement(database): ...
"""
CONFTEST = """
import pytest
from tests.exhaustive import keep_default_cases, take_databases_in_turn

@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    return request.param

def pytest_addoption(parser):
    parser.addoption("--all", action="store_true")

@pytest.hookimpl(wrapper=True)
def pytest_generate_tests(metafunc):
    yield
    if not metafunc.config.getoption("--all"):
        take_databases_in_turn(metafunc)
        keep_default_cases(metafunc)
"""


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tests")
    (folder / "pytest.ini").touch()
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_kinds.py").write_text(TESTS)
    return folder


def collect(module: Path, *options: str) -> dict[str, list[str]]:
    """Return the cases of each test."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=module, env=environment, capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS
    )
    cases: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        if line.startswith("test_kinds.py::"):
            test, _, case = line.removeprefix("test_kinds.py::").removesuffix("]").partition("[")
            cases.setdefault(test, []).append(case)
    return cases


@pytest.fixture(scope="module")
def by_default(module: Path) -> dict[str, list[str]]:
    return collect(module)


def test_each_case_runs_on_one_database_and_the_next_case_on_the_other(by_default: dict[str, list[str]]) -> None:
    cases = sorted((case.partition("-")[2], case.partition("-")[0]) for case in by_default["test_cases"])
    numbers, databases = zip(*cases, strict=True)
    assert numbers == ("0-0", "1-1", "2-2", "3-3")
    assert databases in {DATABASES * 2, DATABASES[::-1] * 2}


def test_the_name_of_a_test_says_which_database_begins(by_default: dict[str, list[str]]) -> None:
    assert {*by_default["test_one"], *by_default["test_two"]} == set(DATABASES)
    assert len(by_default["test_one"]) == len(by_default["test_two"]) == 1


def test_a_test_of_a_difference_runs_on_both(by_default: dict[str, list[str]]) -> None:
    assert by_default["test_difference"] == list(DATABASES)


def test_a_test_that_names_its_databases_keeps_them(by_default: dict[str, list[str]]) -> None:
    assert by_default["test_pair"] == ["a-sqlite", "b-postgresql", "c-sqlite"]


def test_a_test_outside_dialect_modules_runs_on_sqlite(by_default: dict[str, list[str]]) -> None:
    assert by_default["test_same_statement"] == ["sqlite"]


def test_every_case_runs_on_both_databases_with_all(module: Path) -> None:
    collected = collect(module, "--all")
    assert [len(collected[test]) for test in ("test_cases", "test_one", "test_difference")] == [8, 2, 2]
    assert [len(collected[test]) for test in ("test_pair", "test_same_statement")] == [6, 2]
