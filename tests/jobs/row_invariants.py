"""Invariants of all jobs, checked on the rows."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Row, select

from webapp.db.engine import is_sqlite
from webapp.jobs.invariants import approvals as approval_checks
from webapp.jobs.invariants import attempts as attempt_checks
from webapp.jobs.invariants import dependencies as dependency_checks
from webapp.jobs.invariants import families, statuses
from webapp.jobs.invariants import flows as flow_checks
from webapp.jobs.invariants import questions as question_checks
from webapp.jobs.invariants.limits import over_rate
from webapp.jobs.invariants.verifier import run_checks
from webapp.jobs.lifecycle.cascade import child_counts
from webapp.jobs.model.job import MOVES, NOT_STARTED, TERMINAL, Status
from webapp.jobs.model.rollup import ChildCounts, roll_up
from webapp.schema import attempts, dependencies, events, job_questions, jobs

NOT_COMPLETED = "A job that this one depends on did not complete."
STATUS_EVENTS = frozenset({"created", "started", "retried", *TERMINAL})
SHOWN = (
    *("status", "progress", "message", "priority", "parts", "parts_completed", "parts_failed", "parts_cancelled"),
    *("finished_at", "started_at", "cancel_requested_at", "errors", "warnings", "attempt"),
)


@dataclass
class Snapshot:
    """All rows at one moment."""

    jobs: dict[UUID, Row[Any]]
    children: dict[UUID, list[Row[Any]]]
    attempts: dict[UUID, list[int]]
    returned: set[UUID]  # the roots whose handler has returned
    events: dict[UUID, list[Row[Any]]]
    edges: dict[UUID, list[Row[Any]]]
    over_rate: list[str]
    open_questions: Counter[UUID]

    def ended(self, job_id: UUID) -> bool:
        return self.jobs[job_id].status in TERMINAL


def snapshot(engine: Engine) -> Snapshot:
    level = {} if is_sqlite(engine) else {"isolation_level": "REPEATABLE READ"}
    with engine.connect().execution_options(**level) as connection:
        rows = connection.execute(select(jobs)).all()
        attempt_rows = connection.execute(select(attempts.c.job_id, attempts.c.number)).all()
        event_rows = connection.execute(select(events).order_by(events.c.id)).all()
        edges = connection.execute(select(dependencies)).all()
        too_early = connection.execute(over_rate()).all()
        asked = connection.execute(select(job_questions.c.job_id).where(job_questions.c.state == "open")).scalars()
        open_questions = Counter(asked)
    found = Snapshot(
        jobs={row.id: row for row in rows},
        children=_by(rows, "root_id"),
        attempts=defaultdict(list),
        returned=set(),
        events=_by(event_rows, "job_id"),
        edges=_by(edges, "job_id"),
        open_questions=open_questions,
        over_rate=[f"{row.rate_key} started too early: {row}" for row in too_early],
    )
    for row in attempt_rows:
        found.attempts[row.job_id].append(row.number)
    found.returned.update(row.job_id for row in event_rows if row.name == "waiting")
    return found


def broken(seen: Snapshot) -> list[str]:
    """Return the violated invariants of one moment."""
    rules = (
        _ends,
        _approvals,
        _questions,
        _not_started,
        _leases,
        _keys,
        _limits,
        _roots,
        _dependents,
        _attempts,
        _events,
    )
    found = [f"{row.type} {row.id.hex[-8:]} ({row.status}): {what}" for rule in rules for row, what in rule(seen)]
    return found + seen.over_rate


def broken_since(before: Snapshot, seen: Snapshot) -> list[str]:
    """Return the illegal changes between two moments."""
    both = [(before.jobs[row.id], row) for row in seen.jobs.values() if row.id in before.jobs]
    return [
        f"{old.type} {old.id.hex[-8:]} ({old.status} -> {new.status}): {what}"
        for old, new in both
        for what in _moved(before, seen, old, new)
    ]


def unfinished(seen: Snapshot) -> list[str]:
    return [
        f"{row.type} {row.id.hex[-8:]} is still {row.status}" for row in seen.jobs.values() if not seen.ended(row.id)
    ]


def verified(engine: Engine) -> list[str]:
    """Return what `deskjob verify` finds in the rows."""
    checks = (
        check
        for found in (
            *(group.checks(engine) for group in (statuses, attempt_checks, families, dependency_checks, flow_checks)),
            approval_checks.checks(engine, ()),
            question_checks.checks(engine),
        )
        for check in found
    )
    return [f"{found.rule} {found.examples}" for found in run_checks(checks, 0) if not found.holds]


Found = Iterator[tuple[Row[Any], str]]


def _ends(seen: Snapshot) -> Found:
    for row in seen.jobs.values():
        if (row.status in TERMINAL) is (row.finished_at is None):
            yield row, f"finished_at is {row.finished_at}"
        if not 0 <= row.progress <= 100 or (row.status == "completed" and row.progress != 100):
            yield row, f"is at {row.progress} per cent"


def _approvals(seen: Snapshot) -> Found:
    for row in seen.jobs.values():
        if row.approval not in {None, "approved"} and (row.attempt or row.status not in {"held", "cancelled"}):
            yield row, f"has started, but its approval is {row.approval}"
        if row.approval == "approved" and "approval_given" not in [event.name for event in seen.events[row.id]]:
            yield row, "is approved, and nobody did it"


def _questions(seen: Snapshot) -> Found:
    for row in seen.jobs.values():
        if row.asked_of is not None and (row.status != "held" or seen.open_questions[row.id] != 1):
            yield row, f"asks {row.asked_of}, with {seen.open_questions[row.id]} open questions"


def _has_asked(seen: Snapshot, row: Row[Any]) -> bool:
    """Return whether the next start continues what was begun before a question."""
    names = [event.name for event in seen.events[row.id] if event.name in {"started", "asked", "retried"}]
    return names[-1:] == ["asked"]


def _not_started(seen: Snapshot) -> Found:
    for row in seen.jobs.values():
        if _has_asked(seen, row):
            continue
        reported = {name: getattr(row, name) for name in NOT_STARTED if getattr(row, name) != NOT_STARTED[name]}
        if row.status in {"scheduled", "queued"} and reported:
            yield row, f"has not started, but reports {reported}"


def _leases(seen: Snapshot) -> Found:
    for row in seen.jobs.values():
        if not row.record_only and (row.status == "running") is (row.lease_id is None):
            yield row, f"its lease is {row.lease_id}"


def _keys(seen: Snapshot) -> Found:
    holders = Counter(row.unique_key for row in seen.jobs.values() if row.unique_key and row.status not in TERMINAL)
    for row in seen.jobs.values():
        if holders[row.unique_key] > 1:
            yield row, f"shares the key {row.unique_key}"
        if row.next_key and row.status not in {"held", *TERMINAL}:
            yield row, f"has started without the key {row.next_key} that it waited for"


def _limits(seen: Snapshot) -> Found:
    narrow = [row for row in seen.jobs.values() if row.type == "narrow" and row.status == "running"]
    for row in narrow[2:]:
        yield row, "runs although two others of its type do"


def _roots(seen: Snapshot) -> Found:
    for row in seen.jobs.values():
        children = seen.children[row.id]
        if counted(children) != child_counts(row):
            yield row, f"its counts are {child_counts(row)}, its children {counted(children)}"
        if children or row.parts or row.status == "waiting":
            yield from ((row, what) for what in _rolled_up(row, counted(children), returned=row.id in seen.returned))
        held = [
            child for child in children if child.status == "held" and child.approval != "pending" and not child.asked_of
        ]
        if row.status in {"waiting", *TERMINAL} and held:
            yield row, "its children are still held"
        if row.status in TERMINAL and any(_goes_on(child) for child in children):
            yield row, "has ended, but its children continue"


def _rolled_up(row: Row[Any], counts: ChildCounts, *, returned: bool) -> Iterator[str]:
    status = roll_up(counts, tolerant=row.tolerant)
    if returned and row.status not in {"waiting", *TERMINAL}:
        yield "its handler has returned, but it does not wait"
    if row.status == "waiting" and (status is not None or not returned):
        yield f"waits without reason: {counts}"
    if returned and row.status in TERMINAL and row.status != status:
        yield f"should be {status}: {counts}"
    if returned and row.status != "completed" and row.progress != counts.progress:
        yield f"is at {row.progress} per cent, its children at {counts.progress}"


def _goes_on(child: Row[Any]) -> bool:
    """A child that was asked to stop can still run."""
    asked = child.status == "running" and child.cancel_requested_at is not None
    return child.status not in TERMINAL and not asked


def _dependents(seen: Snapshot) -> Found:
    for row in seen.jobs.values():
        edges = seen.edges[row.id]
        for edge in edges:
            if not seen.jobs[edge.after_id].has_dependents:
                yield seen.jobs[edge.after_id], "does not know that it has dependents"
        if row.status == "held" and row.root_id is None and row.asked_of is None:
            waits = row.next_key is not None or row.approval == "pending"  # for that
            waits = waits or any(edge.waits and is_missing(seen, edge) for edge in edges)
            if all(seen.ended(edge.after_id) for edge in edges) and not waits:
                yield row, "is held although all its predecessors have ended"
            if any(_is_impossible(seen, edge) for edge in edges):
                yield row, "is held although a predecessor did not complete"
        names = [event.name for event in seen.events[row.id]]
        if sum(event.detail == NOT_COMPLETED for event in seen.events[row.id]) > 1 + names.count("retried"):
            yield row, "was cancelled twice because of a predecessor"


def _attempts(seen: Snapshot) -> Found:
    for row in seen.jobs.values():
        expected = list(range(1, row.attempt + (row.status != "running")))
        if sorted(seen.attempts[row.id]) != expected:
            yield row, f"attempt {row.attempt}, but the ended ones are {seen.attempts[row.id]}"


def _events(seen: Snapshot) -> Found:
    for row in seen.jobs.values():
        history = seen.events[row.id]
        started = [event.attempt for event in history if event.name == "started"]
        if started != list(range(1, row.attempt + 1)):
            yield row, f"attempt {row.attempt}, but the started ones are {started}"
        names = [event.name for event in history if event.name in STATUS_EVENTS]
        if not names or (row.status in TERMINAL and names[-1] != row.status):
            yield row, f"its events are {[event.name for event in history]}"


def _moved(before: Snapshot, seen: Snapshot, old: Row[Any], new: Row[Any]) -> Iterator[str]:
    if new.status != old.status and new.status not in MOVES[Status(old.status)]:
        yield "is not a legal move"
    if old.status in TERMINAL and new.status == "waiting" and old.id not in before.returned:
        yield "only a root whose handler has returned can wait for its children again"
    if old.status in TERMINAL and new.status == "queued" and old.id in before.returned:
        yield "the handler of a root does not run again after it has returned"
    still_running = (old.status, old.attempt) == (new.status, new.attempt) and new.status == "running"
    if still_running and new.progress < old.progress:
        yield f"went back from {old.progress} to {new.progress} per cent"
    if new.attempt not in {old.attempt, old.attempt + 1}:
        yield f"went from attempt {old.attempt} to {new.attempt}"
    changed = [name for name in SHOWN if getattr(old, name) != getattr(new, name)]
    if changed and new.version <= old.version:
        yield f"{changed} changed, but not its version"
    yield from _released(before, seen, old, new)


def _released(before: Snapshot, seen: Snapshot, old: Row[Any], new: Row[Any]) -> Iterator[str]:
    if old.status != "held" or old.root_id is not None or old.asked_of is not None:
        return
    edges = before.edges[old.id]
    if new.status in {"queued", "scheduled"} and any(
        edge.after_id in seen.jobs and (not seen.ended(edge.after_id) or is_missing(seen, edge)) for edge in edges
    ):
        predecessors = [(seen.jobs[e.after_id].status, e.only_on_success) for e in edges if e.after_id in seen.jobs]
        yield f"was released too early, before {predecessors}"
    if seen.events[old.id][-1].detail == NOT_COMPLETED and not any(
        edge.after_id not in seen.jobs or _is_impossible(seen, edge) for edge in edges
    ):
        yield "was cancelled although it could have run"


def _is_impossible(seen: Snapshot, edge: Row[Any]) -> bool:
    return not edge.waits and is_missing(seen, edge)


def is_missing(seen: Snapshot, edge: Row[Any]) -> bool:
    return edge.only_on_success and seen.ended(edge.after_id) and seen.jobs[edge.after_id].status != "completed"


def counted(children: list[Row[Any]]) -> ChildCounts:
    by = Counter(kind for child in children for kind in ChildCounts().counters_for(Status(child.status)))
    return ChildCounts(total=len(children), **by)


def _by(rows: Any, name: str) -> dict[Any, list[Row[Any]]]:
    grouped: dict[Any, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        grouped[getattr(row, name)].append(row)
    return grouped
