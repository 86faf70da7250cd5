"""Checks of attempts and steps: each is counted once, and none starts after the job has completed.

The events and attempts of a job are compared with its row in one pass over all jobs, in the order of their ids: each
statement reads the next `BATCH` jobs and the rows that belong to them, which are next to each other in the indexes. So
its memory is bounded, no snapshot is open for long, and rows that several rules compare are read once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, Select, Uuid, and_, bindparam, exists, func, or_, select

from webapp.db.engine import is_sqlite, lift_time_limit, reading
from webapp.jobs.invariants.check import EXAMPLES, Check, Finding, check_rows, describe_columns
from webapp.jobs.invariants.statuses import JOB_COLUMNS
from webapp.jobs.model.job import EventName
from webapp.jobs.queries.pagination import HIGHEST, LOWEST
from webapp.schema import attempts, events, job_steps, jobs

BATCH = 10_000  # jobs
# PostgreSQL cannot estimate a range of ids. If it expects one row, it reads the whole batch again for each job of it
_PLANNER_SETTINGS = ("enable_nestloop = off", "max_parallel_workers_per_gather = 0", "jit = off")
_FIRST, _LAST = (bindparam(name, type_=Uuid()) for name in ("first", "last"))
_BATCH_END = select(jobs.c.id).where(jobs.c.id >= _FIRST).order_by(jobs.c.id).offset(bindparam("others")).limit(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """A rule, the condition of its violations, and the columns of its examples."""

    text: str
    violated: ColumnElement[bool]
    columns: tuple[Any, ...]


@dataclass(slots=True)
class _Violations:
    """How often a rule is violated, and the first examples."""

    count: int = 0
    examples: list[str] = field(default_factory=list)


def checks(engine: Engine) -> Iterator[Check]:
    """Yield the checks."""
    walk = _JobWalk(engine, [_of_history(), _of_attempts(), _of_orphans()])
    for text in walk.rules:
        yield Check(rule=text, run=partial(walk.finding, text))
    yield check_rows(
        engine,
        "Every step was run by an attempt of its job, or taken over from another job.",
        select(*JOB_COLUMNS, job_steps.c.name.label("step"), job_steps.c.attempt.label("step_attempt"))
        .join_from(jobs, job_steps)
        .where(or_(job_steps.c.attempt > jobs.c.attempt, and_(job_steps.c.attempt == 0, jobs.c.again_of.is_(None)))),
    )


class _Comparison:
    """One statement over the jobs of a batch, for some rules that read the same rows."""

    def __init__(self, rules: Sequence[_Rule], source: Any, *within: ColumnElement[bool]) -> None:
        self.rules = rules
        columns = {column.key: column for rule in rules for column in rule.columns}
        flags = (rule.violated.label(f"violates_{number}") for number, rule in enumerate(rules) if len(rules) > 1)
        any_violated = or_(*(rule.violated for rule in rules))
        self._statement: Select[Any] = (
            select(*columns.values(), *flags).select_from(source).where(*within, any_violated)
        )

    def read(self, connection: Connection, bounds: dict[str, UUID], found: dict[str, _Violations]) -> None:
        """Add the violations among the jobs of a batch to those that were found."""
        for row in connection.execute(self._statement, bounds).mappings():
            for number, rule in enumerate(self.rules):
                if len(self.rules) == 1 or row[f"violates_{number}"]:
                    violations = found[rule.text]
                    violations.count += 1
                    if len(violations.examples) < EXAMPLES:
                        violations.examples.append(describe_columns((c.key, row[c.key]) for c in rule.columns))


class _JobWalk:
    """One pass over all jobs, made when the first of its rules is checked."""

    def __init__(self, engine: Engine, comparisons: Sequence[_Comparison]) -> None:
        self._engine = engine
        self._comparisons = comparisons
        self._found: dict[str, _Violations] = {}
        self.rules = [rule.text for comparison in comparisons for rule in comparison.rules]

    def finding(self, rule: str) -> Finding:
        """Return the violations of a rule."""
        if not self._found:
            self._found = self._walk()
        violations = self._found[rule]
        return Finding(rule=rule, count=violations.count, examples=tuple(violations.examples))

    def _walk(self) -> dict[str, _Violations]:
        found = {rule: _Violations() for rule in self.rules}
        first: UUID | None = LOWEST
        with reading(self._engine) as connection:
            lift_time_limit(connection)
            if not is_sqlite(self._engine):
                for setting in _PLANNER_SETTINGS:
                    connection.exec_driver_sql(f"SET LOCAL {setting}")
            while first is not None:
                end = connection.execute(_BATCH_END, {"first": first, "others": BATCH - 1}).scalar()
                bounds = {"first": first, "last": end or HIGHEST}  # the last batch also has events without a job
                for comparison in self._comparisons:
                    comparison.read(connection, bounds, found)
                first = UUID(int=end.int + 1) if end else None
        return found


def _within(job_id: ColumnElement[Any]) -> ColumnElement[bool]:
    return job_id.between(_FIRST, _LAST)


def _of_history() -> _Comparison:
    started, ended = events.c.name == EventName.STARTED, events.c.name == EventName.COMPLETED
    history = (
        select(
            events.c.job_id,
            func.count().filter(started).label("starts"),
            func.count(events.c.attempt.distinct()).filter(started).label("numbers"),
            func.max(events.c.attempt).filter(started).label("latest"),
            # by their numbers: a short job can end before the claim of its group has written the time of its start
            func.max(events.c.id).filter(started).label("last_start"),
            func.max(events.c.id).filter(ended).label("completion"),
            func.count().filter(ended).label("times"),
        )
        .where(_within(events.c.job_id))
        .group_by(events.c.job_id)
        .subquery()
    )
    starts, numbers, latest, times = (
        func.coalesce(history.c[name], 0).label(name) for name in ("starts", "numbers", "latest", "times")
    )
    completed = jobs.c.status == "completed"
    rules = (
        _Rule(
            text="Attempts are numbered 1, 2, 3 …, each started once, and the job's count matches.",
            violated=or_(*(number.element != jobs.c.attempt for number in (starts, numbers, latest))),
            columns=(*JOB_COLUMNS, jobs.c.attempt, starts),
        ),
        _Rule(
            text="A completed job never starts again.",
            violated=and_(completed, func.coalesce(history.c.last_start > history.c.completion, False)),
            columns=(*JOB_COLUMNS, jobs.c.finished_at),
        ),
        _Rule(
            text="A job completes once.",
            violated=and_(completed, times.element != 1),
            columns=(*JOB_COLUMNS, times),
        ),
    )
    source = jobs.outerjoin(history, history.c.job_id == jobs.c.id)
    return _Comparison(rules, source, _within(jobs.c.id))


def _of_attempts() -> _Comparison:
    ended_early = or_(
        attempts.c.number > jobs.c.attempt, and_(attempts.c.number == jobs.c.attempt, jobs.c.status == "running")
    )
    rule = _Rule(
        text="No attempt ended that never started or is still running.",
        violated=ended_early,
        columns=(*JOB_COLUMNS, attempts.c.number.label("attempt")),
    )
    return _Comparison([rule], jobs.join(attempts), _within(jobs.c.id), _within(attempts.c.job_id))


def _of_orphans() -> _Comparison:
    rule = _Rule(
        text="Every event belongs to an existing job.",
        violated=~exists().where(jobs.c.id == events.c.job_id, _within(jobs.c.id)),
        columns=(events.c.job_id, events.c.name, events.c.at),
    )
    return _Comparison([rule], events, _within(events.c.job_id))
