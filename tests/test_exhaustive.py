"""The default suite and `--all`, as pytest collects them: no case of a matrix is missing, and each row is in both."""

import subprocess
import sys
from functools import cache
from itertools import product

import pytest

from tests.faults.matrix import ACTIONS, DELETING, POINTS
from tests.installation import PATIENCE_SECONDS, ROOT
from tests.jobs.test_service_by_status import OPERATIONS
from tests.journeys.test_every_page import LOOKS, NOTHING_FOUND, rules
from webapp.jobs.model.job import Status

pytestmark = pytest.mark.exhaustive
FILES = (
    *("tests/faults", "tests/journeys/test_every_page.py", "tests/jobs/test_service_by_status.py"),
    "tests/jobs/queueing/test_claim.py",
)
FAULT, DELETION = "test_every_job_finishes_after_a_fault", "test_files_of_a_deleted_job_are_swept_after_a_fault"
OPERATION = "test_an_operation_works_only_in_its_statuses"
CLAIM = "test_the_oldest_of_equal_jobs_is_claimed_first"
FAULT_CLASSES = {f"{database}::{FAULT}" for database in ("TestOnSqlite", "TestOnPostgresql")}
# Every class of fault that has its own file
FAULT_FILES = {f"tests/faults/test_{name}.py" for name in ("endings", "recovery", "redis_away", "zombies")}


@cache
def collected(*options: str) -> frozenset[str]:
    """Collect the matrices in another pytest; return the ids of their tests."""
    quiet = ("--collect-only", "-q", "-n0", "-o", "addopts=--import-mode=importlib", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", *quiet, *options, *FILES]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=2 * PATIENCE_SECONDS)
    return frozenset(line for line in done.stdout.splitlines() if line.startswith("tests/"))


def cases(test: str, *options: str) -> set[str]:
    """Return the parameters with which a test is collected."""
    ids = (line.partition("::")[2] for line in collected(*options))
    return {name.removeprefix(f"{test}[").removesuffix("]") for name in ids if name.startswith(f"{test}[")}


def pairs(rows: object, columns: object) -> set[str]:
    return {f"{row}-{column}" for row, column in product(rows, columns)}  # type: ignore[call-overload]


@pytest.mark.parametrize("test", sorted(FAULT_CLASSES))
def test_every_fault_point_breaks_in_every_way_on_both_databases_with_all(test: str) -> None:
    assert cases(test, "--all") == pairs(POINTS, ACTIONS)
    assert {case.rpartition("-")[2] for case in cases(test)} == set(ACTIONS)
    assert cases(test.replace(FAULT, DELETION)) == set(ACTIONS), DELETING


def test_every_fault_point_breaks_once_by_default() -> None:
    by_default = [case.rpartition("-")[0] for test in FAULT_CLASSES for case in cases(test)]
    assert sorted(by_default) == sorted(POINTS)


def test_every_class_of_fault_is_in_the_default_suite() -> None:
    assert {test.partition("::")[0] for test in collected()} >= FAULT_FILES


def test_every_sixteenth_page_is_visited_by_default_and_every_page_in_every_look_with_all() -> None:
    assert cases("test_a_page_is_accessible", "--all") == pairs(rules(), LOOKS)
    by_default = [case.rpartition("-") for case in cases("test_a_page_is_accessible")]
    assert sorted(page for page, _, _ in by_default) == rules()[::16]
    assert {look for _, _, look in by_default} == set(LOOKS)
    assert cases("test_a_page_without_results_is_accessible", "--all") == pairs(NOTHING_FOUND, LOOKS)


def test_every_verb_in_every_status_is_tried_by_default_and_on_both_databases_with_all() -> None:
    assert {case.partition("-")[2] for case in cases(OPERATION)} == pairs(Status, OPERATIONS)
    databases = {case.partition("-")[0] for case in cases(OPERATION, "--all")}
    assert databases == {"sqlite", "postgresql"}
    assert len(cases(OPERATION, "--all")) == 2 * len(pairs(Status, OPERATIONS))


def test_each_rule_of_claims_is_tried_on_one_database_by_default_and_on_every_one_with_all() -> None:
    assert cases(CLAIM, "--all") == {"sqlite", "postgresql", "postgresql by month"}
    assert len(cases(CLAIM)) == 1
    assert cases("test_the_claim_uses_its_partial_index") == {"sqlite", "postgresql"}, "plans differ"
