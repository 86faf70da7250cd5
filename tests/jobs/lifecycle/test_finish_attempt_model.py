"""The fence, tested with a state machine: claims, writes, endings, rescues and zombies in any order.

Each guard is removed from the SQL once; the state machine must notice it.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, create_engine, func, select, update
from sqlalchemy import event as database_event
from uuid_utils.compat import uuid7

from tests.jobs.conftest import HOLDER, LOCATION
from webapp.db.engine import engine_options, reading, writing
from webapp.jobs.execution.leases import Leases
from webapp.jobs.lifecycle import finish_attempt
from webapp.jobs.lifecycle.finish_attempt import Ending
from webapp.jobs.model.job import Job, Status
from webapp.jobs.queueing.claim import Claims
from webapp.jobs.store.attachments import FileLifetime
from webapp.jobs.store.fence import Fence, LeaseLost, add_output, report
from webapp.jobs.store.file_store import StoredFile
from webapp.jobs.store.job_store import JobStore
from webapp.schema import attachments, jobs, now

LIFETIME = FileLifetime(timedelta(minutes=1))

pytestmark = [pytest.mark.dialect, pytest.mark.timeout(3600)]


@dataclass
class Expected:
    status: str
    attempt: int
    max_attempts: int
    asked_to_stop: bool = False
    ended: int = 0
    files: int = 0


class Attempts(RuleBasedStateMachine):
    """Tokens are claimed jobs as their work-horses know them; some belong to zombies."""

    engine: Engine
    used: Counter[str]
    tokens = Bundle("tokens")

    @initialize()
    def begin(self) -> None:
        self.queue = uuid4().hex  # its own queue, so that examples can share a database
        self.store, self.leases = JobStore(self.engine), Leases(self.engine, lambda _: None)
        self.model: dict[UUID, Expected] = {}

    @rule(tries=st.integers(1, 3))
    def create(self, tries: int) -> None:
        job = Job(id=uuid7(), type="t", title="T", status=Status.QUEUED, queue=self.queue, max_attempts=tries)
        with writing(self.engine) as connection:
            self.store.insert(connection, [job])
        self.model[job.id] = Expected("queued", 0, tries)

    @rule(target=tokens)
    def claims(self) -> Any:
        job = Claims(self.engine, {}).claim(self.queue, self.leases.open(HOLDER, self.queue), fresh=True)
        waiting = sorted(job_id for job_id, expected in self.model.items() if expected.status == "queued")
        assert (job.id if job else None) == (waiting[0] if waiting else None)
        if job is None:
            return multiple()
        expected = self.model[job.id]
        expected.status, expected.attempt = "running", expected.attempt + 1
        assert job.attempt == expected.attempt
        return job

    @rule(job=tokens, percent=st.integers(0, 100))
    def reports(self, job: Job, percent: int) -> None:
        def write(connection: Any) -> None:
            asked = report(connection, self.fence(job), {"progress": float(percent)})
            assert asked is self.model[job.id].asked_to_stop

        self.write("report", job, write)

    @rule(job=tokens)
    def leaves_a_file(self, job: Job) -> None:
        file = StoredFile(id=uuid4(), name="a", media_type="a/b", size=1, sha256="0" * 64)
        if self.write("add_output", job, lambda c: add_output(c, self.fence(job), file, LIFETIME)):
            self.model[job.id].files += 1

    @rule(
        job=tokens,
        ending=st.sampled_from(
            [
                Ending(status=Status.COMPLETED, outcome="completed"),
                Ending(status=Status.FAILED, outcome="failed", error="x"),
                Ending(status=Status.CANCELLED, outcome="cancelled", cancel_kind="cooperative"),
                Ending(status=Status.QUEUED, outcome="interrupted"),
            ]
        ),
    )
    def ends(self, job: Job, ending: Ending) -> None:
        if self.write("end", job, lambda c: finish_attempt.end_attempt(c, job, LOCATION, ending)):
            expected = self.model[job.id]
            expected.status, expected.ended = ending.status.value, expected.ended + 1
            expected.max_attempts += ending.outcome == "interrupted"

    @rule(job=tokens)
    def asks_to_stop(self, job: Job) -> None:
        with writing(self.engine) as connection:
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(cancel_requested_at=now()))
        self.model[job.id].asked_to_stop = True

    @rule(job=tokens, hand_back=st.booleans())
    def settles(self, job: Job, hand_back: bool) -> None:
        left = self.leases.settle(job.lease_id, why="It went down.", hand_back=hand_back)
        if not self.holds(job):
            assert left == ()
            return
        expected = self.model[job.id]
        assert [settled.id for settled in left] == [job.id]
        expected.status, expected.ended = self.after_settling(expected, hand_back=hand_back), expected.ended + 1
        expected.max_attempts += expected.status == "queued" and hand_back

    @rule(target=tokens, job=tokens)
    def becomes_a_zombie(self, job: Job) -> Any:
        """The lease is settled and the job is claimed again; the old token still writes."""
        if not self.holds(job):
            return multiple()
        self.settles(job, hand_back=True)
        heir = self.claims()
        self.reports(job, 50)
        self.leaves_a_file(job)
        self.ends(job, Ending(status=Status.COMPLETED, outcome="completed"))
        return heir

    @invariant()
    def the_rows_are_the_model(self) -> None:
        if not getattr(self, "model", None):
            return
        with reading(self.engine) as connection:
            rows = connection.execute(select(jobs).where(jobs.c.queue == self.queue)).all()
            tries = connection.execute(select(*_counted(finish_attempt.attempt_rows, self.queue))).all()
            files = connection.execute(select(*_counted(attachments, self.queue))).all()
        ended, left = dict(map(tuple, tries)), dict(map(tuple, files))
        for row in rows:
            found = Expected(
                row.status,
                row.attempt,
                row.max_attempts,
                row.cancel_requested_at is not None,
                ended.get(row.id, 0),
                left.get(row.id, 0),
            )
            assert found == self.model[row.id]
            assert (row.lease_id is None) is (row.status != "running")

    def write(self, name: str, job: Job, statement: Callable[[Any], None]) -> bool:
        stale = "" if self.holds(job) else "stale "
        self.used[stale + name] += 1
        event(stale + name)
        try:
            with writing(self.engine) as connection:
                statement(connection)
        except LeaseLost:
            assert stale, f"{name} of the attempt that holds the job was rejected"
            return False
        assert not stale, f"{name} of a superseded attempt went through"
        return True

    def holds(self, job: Job) -> bool:
        expected = self.model[job.id]
        return (expected.status, expected.attempt) == ("running", job.attempt)

    def fence(self, job: Job) -> Fence:
        return Fence(job_id=job.id, attempt=job.attempt)

    @staticmethod
    def after_settling(expected: Expected, *, hand_back: bool) -> str:
        if expected.asked_to_stop:
            return "cancelled"
        return "queued" if hand_back or expected.attempt < expected.max_attempts else "failed"


def _counted(table: Any, queue: str) -> tuple[Any, ...]:
    mine = select(jobs.c.id).where(jobs.c.queue == queue)
    inner = select(table.c.job_id, func.count().label("n")).where(table.c.job_id.in_(mine)).group_by(table.c.job_id)
    return tuple(inner.subquery().c)


def play(engine: Engine, *, examples: int, phases: tuple[Phase, ...] = (Phase.generate,)) -> Counter[str]:
    machine = type("Machine", (Attempts,), {"engine": engine, "used": Counter()})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            database=None,
            derandomize=True,
            phases=phases,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )
    return machine.used


def test_no_order_of_events_lets_a_superseded_attempt_write(engine: Engine, database: str, thorough: bool) -> None:
    examples, least = EXAMPLES[database, thorough]
    used = play(engine, examples=examples)
    for name in ("report", "add_output", "end"):
        assert used[name], used
        assert used[f"stale {name}"] >= least, used


EXAMPLES = {  # the number of examples, and how often a superseded attempt must try each write
    ("sqlite", True): (80, 20),
    ("postgresql", True): (25, 5),
    ("sqlite", False): (12, 2),
    ("postgresql", False): (5, 1),
}
GUARDS = {
    "the attempt": (r"jobs\.attempt = (\?|%\(\w+\)s::INTEGER)", r"\1 IS NOT NULL"),
    "the status": (r"\(jobs\.status \|\| ''\) IN \('running'\)", "jobs.status <> ''"),
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("guard", GUARDS)
def test_without_a_guard_a_superseded_attempt_can_write(database_url: str, guard: str) -> None:
    pattern, replacement = GUARDS[guard]
    engine, hits = create_engine(database_url, **engine_options(database_url)), Counter[str]()

    @database_event.listens_for(engine, "before_cursor_execute", retval=True)
    def unguarded(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
        mutant, count = re.subn(pattern, replacement, statement)
        hits[statement.split(maxsplit=1)[0]] += count
        return mutant, parameters

    try:
        with pytest.raises(Exception, match=r"of a superseded attempt went through|UNIQUE constraint failed") as caught:
            play(engine, examples=100)
    finally:
        engine.dispose()
    assert {"UPDATE", "INSERT"} <= set(hits), caught
