"""The exhaustive part of the suite: what runs with `deskjob test --all` and not by default."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar
from zlib import crc32

import pytest
from _pytest.mark.structures import ParameterSet
from _pytest.python import CallSpec, FunctionDefinition
from hypothesis import settings

THOROUGH = "thorough"
T = TypeVar("T")


def exhaustive(*values: Any, id: str | None = None) -> ParameterSet:  # noqa: A002  (as pytest.param calls it)
    """Return the parameters of a test that runs with `--all` only."""
    return pytest.param(*values, marks=pytest.mark.exhaustive, id=id)


def every_pair(rows: Iterable[Any], columns: Sequence[Any], *, start: int = 0, every: int = 1) -> list[ParameterSet]:
    """Return every pair of a matrix.

    By default, each row (or each fourth, if ``every`` is 4) runs with one column, taken in turn from ``start``.
    """

    def runs(number: int, index: int) -> bool:
        return number % every == 0 and index == (number // every + start) % len(columns)

    return [
        (pytest.param if runs(number, index) else exhaustive)(row, column, id=f"{row}-{column}")
        for number, row in enumerate(rows)
        for index, column in enumerate(columns)
    ]


def every_nth(values: Iterable[Any], every: int) -> list[ParameterSet]:
    """Return all values; by default one of so many runs."""
    return [exhaustive(value) if number % every else pytest.param(value) for number, value in enumerate(values)]


def share(rows: Iterable[T], number: int, every: int) -> list[T]:
    """Return the rows that fall to the column with this number if each row takes one column of ``every`` in turn."""
    return list(rows)[number % every :: every]


def set_up_hypothesis(*, thorough: bool) -> None:
    """Choose how many examples properties get; no example is judged by its speed."""
    settings.register_profile(THOROUGH, deadline=None)
    settings.register_profile("brief", deadline=None, max_examples=40)
    settings.load_profile(THOROUGH if thorough else "brief")


def examples(count: int) -> int:
    """Return the number of examples of a property: ``count`` with `--all`, a quarter of it by default."""
    return count if settings.get_current_profile_name() == THOROUGH else count // 4


def runs_by_default(node: pytest.Item | FunctionDefinition, case: CallSpec | None) -> bool:
    """Tell whether a case of a test needs no `--all`.

    On PostgreSQL only those of `dialect` modules do not, and in an object storage only those of `storages` modules.
    Those of `partitions` modules run on PostgreSQL with partitions by default, and on that without them with `--all`.
    """
    marks = {mark.name for mark in [*node.iter_markers(), *(case.marks if case else ())]}
    on_postgresql = case is not None and case.params.get("database") == "postgresql"
    if on_postgresql and has_partitions(node):
        return False
    in_a_bucket = case is not None and case.params.get("storage") == "s3"
    suits = (not on_postgresql or "dialect" in marks) and (not in_a_bucket or "storages" in marks)
    return "exhaustive" not in marks and suits


def has_partitions(node: pytest.Item | FunctionDefinition) -> bool:
    """Tell whether the test runs on a database with partitions too."""
    mark = node.get_closest_marker("partitions")
    return mark is not None and not mark.kwargs.get("leave_out")


def leave_out_partitions(metafunc: pytest.Metafunc, name: str) -> None:
    """Keep the cases on a database with partitions only in modules that are marked as `partitions`.

    A test of such a module can leave them out with `partitions(leave_out=True)`.
    """
    if not has_partitions(metafunc.definition):
        metafunc._calls = [case for case in metafunc._calls if case.params.get("database") != name]


def take_databases_in_turn(metafunc: pytest.Metafunc) -> None:
    """Leave each case on one database to the default suite, and mark it as `exhaustive` on the others.

    The databases take turns from case to case, and the name of the test says which one begins, so that a test which is
    added or moved leaves the others on theirs. A test that is marked as `dialect(both=True)` keeps all of them.
    """
    dialect = metafunc.definition.get_closest_marker("dialect")
    if dialect is not None and dialect.kwargs.get("both"):
        return
    begin = crc32(metafunc.definition.nodeid.encode())
    for number, siblings in enumerate(_cases_by_other_parameters(metafunc)):
        chosen = siblings[(begin + number) % len(siblings)]
        for case in siblings:
            if case is not chosen:
                case.marks.append(pytest.mark.exhaustive.mark)


def _cases_by_other_parameters(metafunc: pytest.Metafunc) -> Iterable[list[CallSpec]]:
    """Group the cases of the default suite that differ in their databases only."""
    groups = defaultdict[tuple[tuple[str, int], ...], list[CallSpec]](list)
    for case in metafunc._calls:
        if runs_by_default(metafunc.definition, case):
            others = tuple((name, index) for name, index in case.indices.items() if name != "database")
            groups[others].append(case)
    return groups.values()


def keep_default_cases(metafunc: pytest.Metafunc) -> None:
    """Make no test of a case that `--all` runs; a test that has no other case is left out after the collection."""
    kept = [case for case in metafunc._calls if runs_by_default(metafunc.definition, case)]
    metafunc._calls = kept or metafunc._calls[:1]
