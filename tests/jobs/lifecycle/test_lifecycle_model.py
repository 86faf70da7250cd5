"""Every verb of a job's life in any order, legal or not: after each one, what must be true of all jobs is true.

A rule that nothing tests is no rule: parts of the SQL are broken on purpose, and the machine must see it.
"""

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.jobs.lifecycle_world import ENDINGS, KEYS, OWNERS, World
from tests.jobs.row_invariants import broken, broken_since, snapshot, unfinished, verified
from webapp.jobs.lifecycle.finish_attempt import Ending
from webapp.jobs.model.job import TERMINAL, Job, Status
from webapp.jobs.model.policies import OnDuplicate
from webapp.services import Services

pytestmark = pytest.mark.dialect

WAITING = ("held", "scheduled", "queued")
RETRIABLE = ("failed", "cancelled", "stale")
# A machine in which these never happen tests nothing of what they are there for
MUST_HAPPEN = {
    *("haunt report LeaseLost", "haunt spawn LeaseLost", "haunt end LeaseLost"),
    *("claim nothing", "settle", "settle nothing", "create_unique DuplicateJob", "spawn", "delete"),
}
numbers = st.integers(0, 40)
somebody = st.sampled_from(OWNERS)


class Lifecycle(RuleBasedStateMachine):
    """Numbers pick one of the jobs, or one of the claimed jobs; some of those are zombies'."""

    services: Services
    used: Counter[str]

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.services)
        self.before = self.seen = snapshot(self.services.engine)

    @rule(
        kind=st.sampled_from(["nothing", "nothing", "narrow"]),
        max_attempts=st.integers(1, 2),
        priority=st.sampled_from([100, 200]),
        owner=somebody,
        tolerant=st.booleans(),
    )
    def create(self, kind: str, **choices: Any) -> None:
        self.note("create", self.world.create(kind, **choices), "")

    @rule(key=st.sampled_from(KEYS), policy=st.sampled_from(list(OnDuplicate)))
    def create_unique(self, key: str, policy: OnDuplicate) -> None:
        expected = "DuplicateJob" if self.is_held(key) and policy is OnDuplicate.REJECT else ""
        refused = self.world.create("nothing", unique_key=key, on_duplicate=policy)
        self.note("create_unique", refused, expected)

    @rule(delay=st.sampled_from([0, 3600]))
    def create_later(self, delay: int) -> None:
        self.note("create_later", self.world.create("nothing", delay=delay), "")

    @rule(after=st.lists(numbers, min_size=1, max_size=3), on_finish=st.booleans(), delay=st.sampled_from([None, 3600]))
    def create_after(self, after: list[int], on_finish: bool, delay: int | None) -> None:
        there = not self.world.ids or all(self.row(number) for number in after)
        refused = self.world.create("nothing", after=after, on_finish=on_finish, delay=delay)
        self.note("create_after", refused, "" if there else "JobNotFound")

    @rule()
    def claim(self) -> None:
        self.claims()

    @rule(endings=st.lists(st.sampled_from(ENDINGS), min_size=1, max_size=4))
    def work(self, endings: list[Ending]) -> None:
        """As a horse does, one job after the other."""
        self.world.resume()
        for ending in endings:
            if job := self.claims():
                self.note(f"work {ending.outcome}", self.world.end(job, ending), "")

    @rule(names=st.lists(st.sampled_from([None, "a", "b"]), min_size=1, max_size=3), tolerant=st.booleans())
    def become_a_root(self, names: list[str | None], tolerant: bool) -> None:
        self.world.resume()
        self.world.create("nothing", priority=1000, tolerant=tolerant)
        self.look()
        job = self.claims()
        if job and not job.root_id:
            self.note("become_a_root", self.world.spawn(job, names), "")
            self.note("return", self.world.end(job, ENDINGS[0]), "")

    @precondition(lambda self: self.world.claimed)
    @rule(number=numbers, names=st.lists(st.sampled_from([None, "a", "b"]), min_size=1, max_size=3))
    def spawn(self, number: int, names: list[str | None]) -> None:
        job = self.token(number)
        expected = "BadRequest" if job.root_id else self.fenced(job)
        self.note("spawn", self.world.spawn(job, names), expected)

    @rule(number=numbers, name=st.sampled_from([None, "a", "b"]))
    def add_child(self, number: int, name: str | None) -> None:
        row = self.row(number)
        possible = row and row.root_id is None and row.status not in TERMINAL and not row.cancel_requested_at
        taken = row and name and any(child.child_name == name for child in self.seen.children[row.id])
        expected = "" if possible else "BadRequest" if row else "JobNotFound"
        refused = self.world.add_child(number, name)
        self.note("add_child", refused, expected if not taken else refused)

    @rule(number=numbers)
    def release(self, number: int) -> None:
        self.note("release", self.world.release(number), "" if self.row(number) else "JobNotFound")

    @precondition(lambda self: self.world.claimed)
    @rule(number=numbers, more=st.integers(0, 100))
    def report(self, number: int, more: int) -> None:
        job = self.token(number)
        percent = max(more, self.seen.jobs[job.id].progress) if job.id in self.seen.jobs else more
        self.note("report", self.world.report(job, float(percent)), self.fenced(job))

    @precondition(lambda self: self.world.claimed)
    @rule(number=numbers, ending=st.sampled_from(ENDINGS))
    def end(self, number: int, ending: Ending) -> None:
        job = self.token(number)
        self.note(f"end {ending.outcome}", self.world.end(job, ending), self.fenced(job))

    @precondition(lambda self: self.world.claimed)
    @rule(number=numbers, hand_back=st.booleans(), worker_gone=st.booleans())
    def settle(self, number: int, **how: bool) -> None:
        job = self.token(number)
        left = self.world.settle(job, **how)
        assert len(left) == (not self.fenced(job))
        self.note("settle" if left else "settle nothing", "", "")

    @rule(ending=st.sampled_from(ENDINGS))
    def haunt(self, ending: Ending) -> None:
        """A horse is taken for dead, another one takes its job, and then it wakes up: by chance, it never happens."""
        self.world.create("nothing")
        zombie = self.world.claim_one(self.world.ids[-1])
        self.world.settle(zombie, hand_back=True)
        self.world.claim_one(zombie.id)
        self.note("haunt report", self.world.report(zombie, 100.0), "LeaseLost")
        self.note("haunt spawn", self.world.spawn(zombie, ["late"]), "LeaseLost")
        self.note("haunt end", self.world.end(zombie, ending), "LeaseLost")

    @rule(number=numbers)
    def cancel(self, number: int) -> None:
        expected = self.illegal(number, *WAITING, "running", "waiting")
        self.note("cancel", self.world.cancel(number), expected)

    @rule(some=st.lists(numbers, max_size=3))
    def cancel_many(self, some: list[int]) -> None:
        self.note("cancel_many", self.world.cancel_many(some), "")

    @rule(number=numbers)
    def retry(self, number: int) -> None:
        expected = self.illegal(number, *RETRIABLE)
        refused = self.world.retry(number)
        if not expected and refused in {"UniqueKeyTaken", "RootHasEnded"}:
            expected = refused
        self.note("retry", refused, expected)

    @rule(some=st.lists(numbers, max_size=4))
    def retry_many(self, some: list[int]) -> None:
        self.note("retry_many", self.world.retry_many(some), "")

    @rule(number=numbers)
    def run_again(self, number: int) -> None:
        expected = self.illegal(number, *Status)
        row = self.row(number)
        if row is not None and self.is_held(row.unique_key or row.next_key):
            expected = "DuplicateJob"
        self.note("run_again", self.world.run_again(number), expected)

    @rule(number=numbers, priority=st.integers(0, 300))
    def prioritise(self, number: int, priority: int) -> None:
        expected = self.illegal(number, *WAITING).replace("IllegalTransition", "JobAlreadyStarted")
        self.note("prioritise", self.world.prioritise(number, priority), expected)

    @rule(number=numbers)
    def delete(self, number: int) -> None:
        refused = self.world.delete(number)
        self.note("delete", refused, refused)

    @rule(number=numbers)
    def pause_or_resume(self, number: int) -> None:
        (self.world.pause if number == 0 else self.world.resume)()

    @rule()
    def time_passes(self) -> None:
        self.world.let_time_pass()
        self.look()

    def look(self) -> None:
        """See that all is as it must be."""
        self.before, self.seen = self.seen, snapshot(self.services.engine)
        assert broken_since(self.before, self.seen) + broken(self.seen) == []
        for row in self.seen.jobs.values():
            if row.id in self.before.jobs:
                self.used[f"{self.before.jobs[row.id].status} -> {row.status}"] += 1

    def teardown(self) -> None:
        try:
            self.world.let_all_end()
            ended = snapshot(self.services.engine)
            assert broken(ended) + unfinished(ended) + verified(self.services.engine) == []
        finally:
            self.world.clear()

    def note(self, verb: str, refused: str, expected: str) -> None:
        self.used[f"{verb} {refused}".strip()] += 1
        event(f"{verb} {refused}".strip())
        assert refused == expected, f"{verb}: {refused or 'done'} instead of {expected or 'done'}"
        self.look()

    def claims(self) -> Job | None:
        job = self.world.claim()
        self.note("claim" if job else "claim nothing", "", "")
        return job

    def token(self, number: int) -> Job:
        """One that its horse still holds, or any one: those of zombies, mostly."""
        held = [job for job in self.world.claimed if not self.fenced(job)]
        some = held if held and number % 3 else self.world.claimed
        return some[number % len(some)]

    def fenced(self, job: Job) -> str:
        row = self.seen.jobs.get(job.id)
        holds = row is not None and (row.status, row.attempt) == ("running", job.attempt)
        return "" if holds else "LeaseLost"

    def illegal(self, number: int, *legal: str) -> str:
        row = self.row(number)
        if row is None:
            return "JobNotFound"
        return "" if row.status in legal else "IllegalTransition"

    def is_held(self, key: str | None) -> bool:
        return any(row.unique_key == key and row.status not in TERMINAL for row in self.seen.jobs.values() if key)

    def row(self, number: int) -> Any:
        return self.seen.jobs.get(self.world.job(number)) if self.world.ids else None


EXAMPLES = {("sqlite", True): 30, ("postgresql", True): 15, ("sqlite", False): 12, ("postgresql", False): 5}


def play(services: Services, *, examples: int, steps: int = 40) -> Counter[str]:
    machine = type("Machine", (Lifecycle,), {"services": services, "used": Counter()})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=True,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )
    return machine.used


def test_no_order_of_verbs_breaks_a_rule(services: Services, database: str, thorough: bool) -> None:
    used = play(services, examples=EXAMPLES[database, thorough])
    assert database == "postgresql" or used.keys() >= MUST_HAPPEN, MUST_HAPPEN - used.keys()
    assert used["haunt end LeaseLost"] >= (5 if thorough else 1), used
