"""Steps: parts of a handler whose results are kept, so that a later attempt goes on behind them.

A step whose function has returned and whose result is written does not run again for its job. If the process dies in
between, it does: effects on other systems happen at least once. What a function writes through the connection of its
step is committed together with the result, so it happens exactly once.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

from sqlalchemy import Connection, Engine

from webapp.db.engine import reading, writing
from webapp.db.retry import retry_while_away
from webapp.fault_injection import faultpoint
from webapp.jobs.model import json_values, value_rules
from webapp.jobs.store import step_rows
from webapp.jobs.store.fence import Fence, report
from webapp.jobs.store.step_rows import NAME_LIMIT, Step

RESULT_LIMIT = json_values.JSON_LIMIT  # bytes of JSON
MOST_STEPS = 1000  # of a job
_NAME = value_rules.ValueRule(
    f"a line of 1 to {NAME_LIMIT} printable characters",
    lambda name: isinstance(name, str) and 0 < len(name.strip()) <= len(name) <= NAME_LIMIT and name.isprintable(),
)


class StepStore(Protocol):
    """Where the steps of one job are kept."""

    def kept(self) -> Mapping[str, Step]:
        """Return the steps that have ended, by name."""

    def keep(self, step: Step) -> None:
        """Keep a step that has ended."""

    def keep_in_transaction(self, name: str, run: Callable[[Connection], Step]) -> Step:
        """Run a step with the connection of a transaction, and keep it in the same transaction."""


class StoredSteps:
    """Keeps the steps of a job in the database, as long as its attempt holds the job."""

    def __init__(self, engine: Engine, fence: Fence, retry_seconds: float) -> None:
        self._engine = engine
        self._fence = fence
        self._retry_seconds = retry_seconds

    def kept(self) -> Mapping[str, Step]:
        """Return the steps that have ended, by name."""
        return retry_while_away(self._read, seconds=self._retry_seconds)

    def keep(self, step: Step) -> None:
        """Keep a step that has ended; raise `LeaseLost` if another attempt has started."""

        def write() -> None:
            with writing(self._engine) as connection:
                self._insert(connection, step)

        def write_again() -> None:
            if step.name not in self._read():  # only the answer was lost
                write()

        retry_while_away(write, again=write_again, seconds=self._retry_seconds)
        faultpoint("step.committed")

    def keep_in_transaction(self, name: str, run: Callable[[Connection], Step]) -> Step:
        """Run a step in the transaction that keeps it; raise `LeaseLost` if another attempt has started."""

        def write() -> Step:
            with writing(self._engine) as connection:
                step = run(connection)
                self._insert(connection, step)
            return step

        def write_again() -> Step:
            return self._read().get(name) or write()

        step = retry_while_away(write, again=write_again, seconds=self._retry_seconds)
        faultpoint("step.committed")
        return step

    def _read(self) -> Mapping[str, Step]:
        with reading(self._engine) as connection:
            return {step.name: step for step in step_rows.steps_of(connection, self._fence.job_id)}

    def _insert(self, connection: Connection, step: Step) -> None:
        report(connection, self._fence, {})  # a new version too, so that pages see the step
        step_rows.insert(connection, self._fence.job_id, step)
        faultpoint("step.commit")


class Steps:
    """The steps of one attempt; ``now`` returns the time of the database."""

    def __init__(self, store: StepStore, attempt: int, now: Callable[[], datetime]) -> None:
        self._store = store
        self._attempt = attempt
        self._now = now
        self._called: set[str] = set()

    def run(self, name: str, function: Callable[[], Any]) -> Any:
        """Run a function and keep its result, unless the job has done so before; return the result as JSON values."""
        if (step := self._begin(name)) is None:
            began = self._now()
            step = self._ended(name, began, function())
            self._store.keep(step)
            self._kept[name] = step
        return step.result

    def run_in_transaction(self, name: str, function: Callable[[Connection], Any]) -> Any:
        """Do the same in a transaction, with whose connection the function is called."""
        if (step := self._begin(name)) is None:
            began = self._now()
            step = self._store.keep_in_transaction(name, lambda opened: self._ended(name, began, function(opened)))
            self._kept[name] = step
        return step.result

    @cached_property
    def _kept(self) -> dict[str, Step]:
        return dict(self._store.kept())

    def _begin(self, name: str) -> Step | None:
        """Return the step if it has ended before; raise ``ValueError`` for a name that cannot be used."""
        if objection := _NAME.objection("The name of a step", name):
            raise ValueError(objection)
        if name in self._called:
            message = f"This attempt has had a step “{name}” already. Give each step of a job a name of its own."
            raise ValueError(message)
        self._called.add(name)
        if (known := self._kept.get(name)) is not None:
            return known
        if len(self._kept) >= MOST_STEPS:
            message = f"A job can have at most {MOST_STEPS:,} steps. Divide larger work among children or by `batches`."
            raise ValueError(message)
        return None

    def _ended(self, name: str, began: datetime, result: Any) -> Step:
        """Return the step with its result; raise `NotStorable` if that is no JSON or too large."""
        [stored] = json_values.check_json({"": result}, f"The result of the step “{name}”", RESULT_LIMIT).values()
        return Step(
            name=name,
            place=len(self._kept) + 1,
            attempt=self._attempt,
            started_at=began,
            finished_at=self._now(),
            result=stored,
        )
