"""Every change of a job's status is a move of the table, and one module makes the statements."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

import webapp
from webapp.jobs.model.job import MOVES, NOT_STARTED, IllegalTransition, Status
from webapp.jobs.store import transitions
from webapp.jobs.store.transitions import Transition

WEBAPP = Path(webapp.__file__).parent
NAMED = {name: value for name, value in vars(transitions).items() if isinstance(value, Transition)}
SQL_UPDATE = re.compile(r"\bset\s+status\b", re.IGNORECASE)


@pytest.mark.parametrize("name", NAMED)
def test_every_transition_is_in_the_table_of_moves(name: str) -> None:
    transition = NAMED[name]
    for source in transition.sources:
        assert MOVES[source].issuperset(transition.targets)


@pytest.mark.parametrize("name", NAMED)
def test_every_statement_is_guarded_by_its_source_statuses(name: str) -> None:
    transition = NAMED[name]
    statement = transition.update(transition.targets[0]).compile(compile_kwargs={"literal_binds": True})
    where = str(statement).split("WHERE")[1]
    starts_unstarted = name in {
        "released",
        "reopened",
        "held_again",
    }  # and must not start what needs an approval and has none
    assert set(re.findall(r"'(\w+)'", where)) == {*transition.sources, *(["approved"] if starts_unstarted else [])}


@pytest.mark.parametrize("name", NAMED)
def test_a_job_that_must_start_again_has_reported_nothing(name: str) -> None:
    transition = NAMED[name]
    for target in {Status.QUEUED, Status.SCHEDULED}.intersection(transition.targets):
        has_run = not set(transition.sources) <= set(transitions.UNSTARTED)
        columns = transition.update(target).compile().params.keys()
        assert (NOT_STARTED.keys() <= columns) is has_run


def test_the_transitions_make_every_move_of_the_table_that_sql_makes() -> None:
    made = {(source, target) for move in NAMED.values() for source in move.sources for target in move.targets}
    by_an_optimistic_update_only = {
        *((Status.HELD, Status.FAILED), (Status.QUEUED, Status.FAILED)),
        (Status.WAITING, Status.STALE),
    }
    assert {(old, new) for old, targets in MOVES.items() for new in targets} - made == by_an_optimistic_update_only


def test_a_transition_without_a_source_status_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match="No status can become held"):
        Transition(Status.HELD, among=(Status.COMPLETED,))


def test_a_statement_rejects_a_status_that_is_not_a_target() -> None:
    with pytest.raises(ValueError, match="running is not a target"):
        transitions.released.update(Status.RUNNING)


@pytest.mark.parametrize("old", Status)
def test_an_optimistic_update_follows_the_table_of_moves(old: Status) -> None:
    for new in Status:
        if new in MOVES[old]:
            assert transitions.changed(uuid4(), old, new).sources == (old,)
        else:
            with pytest.raises(IllegalTransition):
                transitions.changed(uuid4(), old, new)


def test_no_other_module_sets_a_status() -> None:
    offenders = [f"{path.relative_to(WEBAPP)}:{line}" for path in _modules() for line in _status_writes(path)]
    assert offenders == []


@pytest.mark.parametrize(
    "code",
    [
        "update(jobs).where(x).values(status='queued')",
        "update(jobs).values({'status': 'queued'})",
        "update(jobs).values({jobs.c.status: 'queued'})",
        "values = {'status': 'queued'}\nupdate(jobs).values(**values)",
        "values['status'] = 'queued'\nupdate(jobs).values(**values)",
        "values = dict(status='queued')\nupdate(jobs).values(**values)",
        "text('UPDATE jobs SET status = :new')",
    ],
)
def test_a_new_statement_that_sets_a_status_is_noticed(code: str, tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(code)
    assert list(_status_writes(module))


def _modules() -> list[Path]:
    excluded = {WEBAPP / "jobs" / "store" / "transitions.py"}
    return [path for path in sorted(WEBAPP.rglob("*.py")) if path not in excluded and "migrations" not in path.parts]


def _status_writes(path: Path) -> Iterator[int]:
    """Yield the lines that set ``status`` in an UPDATE, or in a dictionary of a module that updates jobs."""
    text = path.read_text()
    nodes = list(ast.walk(ast.parse(text))) if "status" in text.lower() else []  # parsing all modules takes seconds
    updates_jobs = any(_is_update_of_jobs(node) for node in nodes)
    for node in nodes:
        in_sql = isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL_UPDATE.search(node.value)
        in_call = isinstance(node, ast.Call) and _sets_status(node)
        in_dictionary = updates_jobs and (_is_status_dictionary(node) or _is_status_item(node))
        if in_sql or in_call or in_dictionary:
            yield node.lineno  # type: ignore[attr-defined]


def _is_update_of_jobs(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "update"
        and [ast.unparse(argument) for argument in node.args] == ["jobs"]
    )


def _sets_status(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    values = (*call.args, *(keyword.value for keyword in call.keywords if keyword.arg is None))
    keywords = any(keyword.arg == "status" for keyword in call.keywords)
    return (name == "values" and (keywords or any(map(_is_status_dictionary, values)))) or (name == "dict" and keywords)


def _is_status_dictionary(node: ast.AST) -> bool:
    return isinstance(node, ast.Dict) and any(key is not None and _names_status(key) for key in node.keys)


def _is_status_item(node: ast.AST) -> bool:
    return isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and _names_status(node.slice)


def _names_status(node: ast.expr) -> bool:
    return ast.unparse(node) in {"'status'", "jobs.c.status"}
