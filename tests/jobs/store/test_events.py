"""Events have one list of names, and one module inserts them."""

import ast
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import webapp
from webapp.db.engine import writing
from webapp.jobs.model.job import EventName, Job, Status
from webapp.jobs.store import events
from webapp.services import Services

WEBAPP = Path(webapp.__file__).parent
SHARED_WORDS = {  # event names that are also a status, a tone, a tab or a field
    *Status,
    *(EventName.CREATED, EventName.STARTED, EventName.LOST, EventName.KEPT, EventName.RETRIED),
}
FIELDS = {"name", "outcome"}  # that hold the name of an event


@pytest.mark.usefixtures("database")
def test_an_event_has_the_time_of_the_database_unless_its_row_has_one(
    services: Services, make: Callable[..., Job]
) -> None:
    job, past = make(), datetime(2024, 2, 29, tzinfo=UTC)
    with writing(services.engine) as connection:
        events.insert(connection, events.rows_of([job], EventName.KEPT, detail="first"))
        events.insert(connection, [{"job_id": job.id, "name": EventName.KEPT, "attempt": 0, "at": past}])
    first, second = (event for event in services.queries.jobs.timeline(job.id) if event.name == EventName.KEPT)
    assert (first.at > past, first.detail) == (True, "first")
    assert (second.at, second.actor_id, second.detail) == (past, None, "")


@pytest.mark.usefixtures("database")
def test_no_event_is_inserted_for_no_jobs(services: Services) -> None:
    with writing(services.engine) as connection:
        events.insert(connection, events.rows_of([], EventName.CREATED))


def test_no_other_module_inserts_events() -> None:
    assert list(_everywhere(_inserts, "events")) == []


def test_no_other_module_spells_the_name_of_an_event() -> None:
    assert list(_everywhere(_spellings, "|".join(f"['\"]{name}['\"]" for name in EventName))) == []


@pytest.mark.parametrize(
    "code",
    [
        "from webapp.schema import events\nconnection.execute(insert(events), row)",
        "from webapp.schema import events as event_rows\ninsert(event_rows).from_select([], source)",
        "from webapp import schema\ninsert(schema.events)",
        "from webapp.schema import events\nevents.insert()",
    ],
)
def test_a_new_insert_of_events_is_noticed(code: str) -> None:
    assert list(_inserts(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "NAME = 'made_public'",
        "select(events.c.id).where(events.c.name == 'completed')",
        "select(events.c.id).where(events.c.name.in_(('failed', 'lost')))",
        "event.name != 'started'",
        "Ending(status=status, outcome='failed')",
        "row = {'job_id': job.id, 'name': 'cancelled'}",
    ],
)
def test_a_new_spelling_of_an_event_is_noticed(code: str) -> None:
    assert list(_spellings(ast.parse(code)))


def _everywhere(search: Callable[[ast.Module], Iterator[int]], pattern: str) -> Iterator[str]:
    """Search the modules with the pattern, because parsing all of them takes seconds."""
    defined_in = {WEBAPP / "jobs" / "store" / "events.py", WEBAPP / "jobs" / "model" / "job.py"}
    for path in sorted(set(WEBAPP.rglob("*.py")) - defined_in):
        text = path.read_text()
        if "migrations" not in path.parts and re.search(pattern, text):
            yield from (f"{path.relative_to(WEBAPP)}:{line}" for line in search(ast.parse(text)))


def _inserts(module: ast.Module) -> Iterator[int]:
    tables = {
        alias.asname or alias.name
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("webapp.schema")
        for alias in node.names
        if alias.name == "events"
    } | {"schema.events"}
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            method = isinstance(node.func, ast.Attribute) and node.func.attr == "insert"
            table = ast.unparse(node.func.value) if method else ast.unparse(node.args[0]) if node.args else ""  # type: ignore[attr-defined]
            if (method or ast.unparse(node.func).endswith("insert")) and table in tables:
                yield node.lineno


def _spellings(module: ast.Module) -> Iterator[int]:
    """Yield the lines that hold an unmistakable event name, or any event name where only an event's can be."""
    names, unmistakable = set(EventName), set(EventName) - SHARED_WORDS
    for node in ast.walk(module):
        if _constants(node) & unmistakable or (_constants_for_events(node) & names):
            yield node.lineno  # type: ignore[attr-defined]


def _constants(node: ast.AST) -> set[str]:
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def _constants_for_events(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Compare) and _is_field(node.left):
        return {name for value in node.comparators for part in ast.walk(value) for name in _constants(part)}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_field(node.func.value):
        return {name for value in node.args for part in ast.walk(value) for name in _constants(part)}
    if isinstance(node, ast.keyword) and node.arg == "outcome":
        return _constants(node.value)
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return {name for key, value in pairs if key and _constants(key) & FIELDS for name in _constants(value)}
    return set()


def _is_field(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in FIELDS
