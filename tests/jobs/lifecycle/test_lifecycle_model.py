"""All operations on jobs in any order, legal or not: the invariants hold after each of them.

``test_lifecycle_mutants.py`` breaks parts of the SQL to check that the invariants notice it.
"""

from collections import Counter
from datetime import UTC, datetime
from graphlib import CycleError, TopologicalSorter
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, event, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from tests.jobs.lifecycle_world import ENDINGS, KEYS, LIMITED, MOST_JOBS, OWNERS, STEPS, World
from tests.jobs.row_invariants import broken, broken_since, is_missing, snapshot, unfinished, verified
from webapp.jobs.flows.flow import OnFailure
from webapp.jobs.lifecycle.finish_attempt import Ending
from webapp.jobs.model.job import TERMINAL, Job, Owner, Status
from webapp.jobs.model.policies import OnDuplicate
from webapp.services import Services

pytestmark = [pytest.mark.dialect, pytest.mark.timeout(3600)]

UNSTARTED = ("held", "scheduled", "queued")
RETRIABLE = ("failed", "cancelled", "stale")
# What must happen at least once for the test to be worth anything
MUST_HAPPEN = {
    *("haunt report LeaseLost", "haunt spawn LeaseLost", "haunt end LeaseLost"),
    *("claim nothing", "settle", "settle nothing", "create_unique DuplicateJob", "spawn", "delete"),
    *("edit", "edit NotEditable", "set_tags", "step", "step again", "step LeaseLost", "haunt step LeaseLost"),
    *("wait for a rate", "create_limited", "create_limited BudgetUsedUp"),
    *("start_flow", "start_flow InvalidFlow", "start_flow_of", "haunt flow LeaseLost", "start_flow_of again"),
    *("retry_flow", "stop_flow", "failed -> held", "cancelled -> held", "wait for a retry"),
    *("put_question", "haunt put_question LeaseLost", "answer", "answer NoOpenQuestion", "expire_answers"),
    *("approve", "approve OwnJob", "approve NotWaitingForApproval", "reject", "expire_approvals"),
}
TAGS = ("urgent", "month end")
EDITS: tuple[dict[str, Any], ...] = (
    {"run_at": datetime(2099, 1, 1, tzinfo=UTC)},
    {"start_now": True},
    {"priority": 300},
    {"tags": TAGS},
)
numbers = st.integers(0, 40)
owners = st.sampled_from(OWNERS)
people = st.sampled_from([UUID(int=1), UUID(int=7)])  # the first one owns some jobs


class Lifecycle(RuleBasedStateMachine):
    """Numbers select a job, or a claimed job; some claimed jobs belong to zombies."""

    services: Services
    used: Counter[str]

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.services)
        self.before = self.seen = snapshot(self.services.engine)

    @rule(
        kind=st.sampled_from(["nothing", "rated", "narrow"]),
        max_attempts=st.integers(1, 2),
        priority=st.sampled_from([100, 200]),
        owner=owners,
        tolerant=st.booleans(),
    )
    def create(self, kind: str, **choices: Any) -> None:
        self.check("create", self.world.create(kind, **choices), "")

    @rule(key=st.sampled_from(KEYS), policy=st.sampled_from(list(OnDuplicate)))
    def create_unique(self, key: str, policy: OnDuplicate) -> None:
        expected = "DuplicateJob" if self.is_held(key) and policy is OnDuplicate.REJECT else ""
        refused = self.world.create("nothing", unique_key=key, on_duplicate=policy)
        self.check("create_unique", refused, expected)

    @rule(delay=st.sampled_from([0, 3600]))
    def create_later(self, delay: int) -> None:
        self.check("create_later", self.world.create("nothing", delay=delay), "")

    @rule(after=st.lists(numbers, min_size=1, max_size=3), on_finish=st.booleans(), delay=st.sampled_from([None, 3600]))
    def create_after(self, after: list[int], on_finish: bool, delay: int | None) -> None:
        exist = not self.world.ids or all(self.row(number) for number in after)
        refused = self.world.create("nothing", after=after, on_finish=on_finish, delay=delay)
        self.check("create_after", refused, "" if exist else "JobNotFound")

    @initialize(owner=owners, key=st.sampled_from([None, *KEYS]), by=people)
    def ask_once(self, owner: Owner, key: str | None, by: UUID) -> None:
        self.ask(owner, key, by, decides=True)
        self.ask(OWNERS[1], None, UUID(int=1), decides=True)  # who owns it

    @rule(owner=owners, key=st.sampled_from([None, *KEYS]), by=people, decides=st.booleans())
    def ask(self, owner: Owner, key: str | None, by: UUID, decides: bool) -> None:
        """Create a job that needs approval, and decide at once or leave it: a decision is too rare by chance."""
        refused = self.world.create("guarded", owner=owner, unique_key=key, on_duplicate=OnDuplicate.QUEUE_AFTER)
        self.check("ask", refused, "")
        if decides:
            number = len(self.world.ids) - 1
            self.check("approve", self.world.approve(number, by), self.undecidable(number, by))

    @rule(after=numbers, on_finish=st.booleans())
    def ask_after(self, after: int, on_finish: bool) -> None:
        exists = not self.world.ids or self.row(after)
        refused = self.world.create("guarded", after=[after], on_finish=on_finish)
        self.check("ask_after", refused, "" if exists else "JobNotFound")

    @rule(number=numbers, by=people)
    def approve(self, number: int, by: UUID) -> None:
        self.check("approve", self.world.approve(self.asked(number), by), self.undecidable(self.asked(number), by))

    @rule(number=numbers, by=people)
    def reject(self, number: int, by: UUID) -> None:
        self.check("reject", self.world.reject(self.asked(number), by), self.undecidable(self.asked(number), by))

    @rule()
    def approvals_expire(self) -> None:
        self.world.expire_approvals()
        self.check("expire_approvals", "", "")

    @rule(
        follows=st.lists(st.lists(st.integers(0, 3), max_size=3), min_size=2, max_size=5),
        on_failure=st.sampled_from(list(OnFailure)),
        owner=owners,
        forwards=st.booleans(),
    )
    def start_flow(self, follows: list[list[int]], on_failure: OnFailure, owner: Owner, forwards: bool) -> None:
        """Start a flow; ``forwards``, jobs follow earlier ones only, so that there is no circle."""
        if forwards:
            follows = [[other for other in others if other < place] for place, others in enumerate(follows)]
        expected = "" if _is_graph(follows) else "InvalidFlow"
        self.check("start_flow", self.world.start_flow(follows, on_failure, owner), expected)

    @initialize(on_failure=st.sampled_from(list(OnFailure)), ending=st.sampled_from(ENDINGS[1:3]))
    def fail_first(self, on_failure: OnFailure, ending: Ending) -> None:
        """Flows whose first jobs do not complete, and their retry: too rare by chance."""
        for policy, failing in ((on_failure, 1), (OnFailure.RUN, 2)):
            self.start_flow([[], [0], [0, 1]], policy, OWNERS[0], forwards=True)
            for job_id in self.world.ids[-3:][:failing]:
                self.check("fail_first", self.world.end(self.world.claim_one(job_id), ending), "")
            self.retry_flow(-1)

    @precondition(lambda self: self.world.claimed)
    @rule(number=numbers, size=st.integers(1, 2))
    def start_flow_of(self, number: int, size: int) -> None:
        job = self.token(number)
        is_known = (job.id, f"Flow of {size}") in self.world.started
        verb, expected = (
            ("start_flow_of again", "")
            if is_known
            else (
                "start_flow_of",
                self.fenced(job) or self.over_budget(job.owner.user_id, size),
            )
        )
        refused = self.world.start_flow([[]] * size, "cancel", OWNERS[0], by=job)
        self.check(verb, refused, refused if is_known else expected)  # the jobs of the first one may be deleted

    @rule(number=numbers)
    def retry_flow(self, number: int) -> None:
        self.check("retry_flow", self.world.retry_flow(self.world.flow(number)), "")

    @rule(selected=st.lists(numbers, max_size=6))
    def retry_in_order(self, selected: list[int]) -> None:
        refused = self.world.retry_flow(selected)
        self.check("retry_in_order", refused, refused if refused == "BudgetUsedUp" else "")

    @rule(number=numbers)
    def stop_flow(self, number: int) -> None:
        self.check("stop_flow", self.world.cancel_many(self.world.flow(number)), "")

    @initialize(key=st.sampled_from(KEYS), ending=st.sampled_from(ENDINGS[:3]))
    def do_what_is_rare_by_chance(self, key: str, ending: Ending) -> None:
        for _ in range(2):
            self.create_unique(key, OnDuplicate.REJECT)
        self.ask(OWNERS[1], None, UUID(int=1), decides=True)
        self.world.create("nothing", priority=1000)
        job = self.world.claim_one(self.world.ids[-1])
        self.check("step", self.world.run_step(job, STEPS[0]), "")
        self.check("step again", self.world.run_step(job, STEPS[0]), "")
        self.check("end", self.world.end(job, ending), "")
        self.delete(len(self.world.ids) - 1)

    @initialize(by_person=st.booleans())
    def ask_a_person(self, by_person: bool) -> None:
        """Let a job ask, and answer or let the question expire: too rare by chance."""
        self.world.create("nothing", priority=1000)
        job = self.world.claim_one(self.world.ids[-1])
        self.check("put_question", self.world.put_question(job), "")
        if by_person:
            self.check("answer", self.world.answer(len(self.world.ids) - 1), "")

    @precondition(lambda self: self.world.claimed)
    @rule(number=numbers)
    def put_question(self, number: int) -> None:
        job = self.token(number)
        self.check("put_question", self.world.put_question(job), self.fenced(job))

    @rule(number=numbers)
    def answer(self, number: int) -> None:
        asking = [place for place, job_id in enumerate(self.world.ids) if self.asks(job_id)]
        chosen = asking[number % len(asking)] if asking and number % 4 else number
        row = self.row(chosen)
        expected = "" if row is not None and row.asked_of else "NoOpenQuestion"
        self.check("answer", self.world.answer(chosen), expected)

    @rule()
    def answers_expire(self) -> None:
        self.world.expire_answers()
        self.check("expire_answers", "", "")

    @rule()
    def claim(self) -> None:
        self.claims()

    @rule(endings=st.lists(st.sampled_from(ENDINGS), min_size=1, max_size=4))
    def work(self, endings: list[Ending]) -> None:
        """Run jobs one after the other, as a work-horse does."""
        self.world.resume()
        for ending in endings:
            if job := self.claims():
                self.check(f"work {ending.outcome}", self.world.end(job, ending), "")

    @rule(names=st.lists(st.sampled_from([None, "a", "b"]), min_size=1, max_size=3), tolerant=st.booleans())
    def become_a_root(self, names: list[str | None], tolerant: bool) -> None:
        self.world.resume()
        self.world.create("nothing", priority=1000, tolerant=tolerant)
        self.look()
        job = self.claims()
        if job and not job.root_id:
            self.check("become_a_root", self.world.spawn(job, names), "")
            self.check("return", self.world.end(job, ENDINGS[0]), "")

    @precondition(lambda self: self.world.claimed)
    @rule(number=numbers, names=st.lists(st.sampled_from([None, "a", "b"]), min_size=1, max_size=3))
    def spawn(self, number: int, names: list[str | None]) -> None:
        job = self.token(number)
        expected = "BadRequest" if job.root_id else self.fenced(job)
        self.check("spawn", self.world.spawn(job, names), expected)

    @rule(
        number=numbers, name=st.sampled_from([None, "a", "b"]), kind=st.sampled_from(["nothing", "nothing", "guarded"])
    )
    def add_child(self, number: int, name: str | None, kind: str) -> None:
        row = self.row(number)
        possible = row and row.root_id is None and row.status not in TERMINAL and not row.cancel_requested_at
        taken = row and name and any(child.child_name == name for child in self.seen.children[row.id])
        expected = "" if possible else "BadRequest" if row else "JobNotFound"
        refused = self.world.add_child(number, name, kind)
        self.check("add_child", refused, expected if not taken else refused)

    @rule(number=numbers)
    def release(self, number: int) -> None:
        self.check("release", self.world.release(number), "" if self.row(number) else "JobNotFound")

    @precondition(lambda self: self.world.claimed)
    @rule(number=numbers, more=st.integers(0, 100))
    def report(self, number: int, more: int) -> None:
        job = self.token(number)
        percent = max(more, self.seen.jobs[job.id].progress) if job.id in self.seen.jobs else more
        self.check("report", self.world.report(job, float(percent)), self.fenced(job))

    @precondition(lambda self: self.world.claimed)
    @rule(number=numbers, name=st.sampled_from(STEPS))
    def step(self, number: int, name: str) -> None:
        job = self.token(number)
        is_kept = (job.id, name) in self.world.results and job.id in self.seen.jobs
        verb = "step again" if is_kept else "step"
        self.check(verb, self.world.run_step(job, name), "" if is_kept else self.fenced(job))

    @precondition(lambda self: self.world.claimed)
    @rule(number=numbers, ending=st.sampled_from(ENDINGS))
    def end(self, number: int, ending: Ending) -> None:
        job = self.token(number)
        self.check(f"end {ending.outcome}", self.world.end(job, ending), self.fenced(job))

    @precondition(lambda self: self.world.claimed)
    @rule(number=numbers, hand_back=st.booleans(), worker_gone=st.booleans())
    def settle(self, number: int, **how: bool) -> None:
        job = self.token(number)
        left = self.world.settle(job, **how)
        assert len(left) == (not self.fenced(job))
        self.check("settle" if left else "settle nothing", "", "")

    @initialize(ending=st.sampled_from(ENDINGS))
    def begin(self, ending: Ending) -> None:
        self.haunt(ending)
        self.step(0, STEPS[0])  # of the zombie
        for _ in range(3):
            self.world.create("rated", priority=1000)
            self.claims()
        for _ in range(2):
            self.step(1, STEPS[0])  # of one that is held, the second time again
            self.start_flow_of(1, 1)
        for _ in range(MOST_JOBS + 1):
            self.create_limited()
        self.cancel(len(self.world.ids) - 1)
        self.delete(len(self.world.ids) - 1)

    @rule()
    def create_limited(self) -> None:
        expected = self.over_budget(LIMITED.user_id)
        self.check("create_limited", self.world.create("nothing", owner=LIMITED), expected)

    def over_budget(self, owner_id: UUID | None, count: int = 1) -> str:
        return "BudgetUsedUp" if owner_id == LIMITED.user_id and self.world.used_jobs() + count > MOST_JOBS else ""

    @rule(ending=st.sampled_from(ENDINGS))
    def haunt(self, ending: Ending) -> None:
        """A work-horse is taken for dead, another one claims its job, then the first one writes: too rare by chance."""
        self.world.create("nothing")
        zombie = self.world.claim_one(self.world.ids[-1])
        self.world.settle(zombie, hand_back=True)
        self.world.claim_one(zombie.id)
        self.check("haunt report", self.world.report(zombie, 100.0), "LeaseLost")
        self.check("haunt step", self.world.run_step(zombie, STEPS[-1]), "LeaseLost")
        self.check("haunt put_question", self.world.put_question(zombie), "LeaseLost")
        self.check("haunt flow", self.world.start_flow([[]], "cancel", OWNERS[0], by=zombie), "LeaseLost")
        self.check("haunt spawn", self.world.spawn(zombie, ["late"]), "LeaseLost")
        self.check("haunt end", self.world.end(zombie, ending), "LeaseLost")

    @rule(number=numbers)
    def cancel(self, number: int) -> None:
        expected = self.illegal(number, *UNSTARTED, "running", "waiting")
        self.check("cancel", self.world.cancel(number), expected)

    @rule(selected=st.lists(numbers, max_size=3))
    def cancel_many(self, selected: list[int]) -> None:
        self.check("cancel_many", self.world.cancel_many(selected), "")

    @rule(number=numbers)
    def retry(self, number: int) -> None:
        expected = self.illegal(number, *RETRIABLE)
        row = self.row(number)
        if not expected and row is not None and row.approval not in {None, "approved"}:
            expected = "NotApproved"
        if not expected and row is not None:
            expected = self.over_budget(row.owner_id)
        refused = self.world.retry(number)
        if not expected and refused in {"UniqueKeyTaken", "RootHasEnded"} | (
            {"NotApproved"} if row and row.parts else set()
        ):
            expected = refused
        self.check("retry", refused, expected)

    @rule(selected=st.lists(numbers, max_size=4))
    def retry_many(self, selected: list[int]) -> None:
        self.check("retry_many", self.world.retry_many(selected), "")

    @rule(number=numbers)
    def run_again(self, number: int) -> None:
        expected = self.illegal(number, *Status)
        row = self.row(number)
        if row is not None and self.is_held(row.unique_key or row.next_key):
            expected = "DuplicateJob"
        if not expected and row is not None:
            expected = self.over_budget(row.owner_id)
        self.check("run_again", self.world.run_again(number), expected)

    @rule(number=numbers, priority=st.integers(0, 300))
    def set_priority(self, number: int, priority: int) -> None:
        expected = self.illegal(number, *UNSTARTED).replace("IllegalTransition", "PriorityNotChangeable")
        self.check("set_priority", self.world.set_priority(number, priority), expected)

    @rule(number=numbers, tags=st.lists(st.sampled_from(TAGS), max_size=2))
    def set_tags(self, number: int, tags: list[str]) -> None:
        self.check("set_tags", self.world.set_tags(number, tags), self.illegal(number, *Status))

    @rule(number=numbers, edit=st.sampled_from(EDITS))
    def edit(self, number: int, edit: dict[str, Any]) -> None:
        expected = self.illegal(number, *UNSTARTED).replace("IllegalTransition", "NotEditable")
        if (row := self.row(number)) is not None and row.asked_of:
            expected = "NotEditable"
        self.check("edit", self.world.edit(number, **edit), expected)

    @rule(number=numbers)
    def delete(self, number: int) -> None:
        refused = self.world.delete(number)
        self.check("delete", refused, refused)

    @rule(number=numbers)
    def pause_or_resume(self, number: int) -> None:
        (self.world.pause if number == 0 else self.world.resume)()

    @rule()
    def time_passes(self) -> None:
        self.world.let_time_pass()
        self.look()

    def look(self) -> None:
        """Check the invariants."""
        self.before, self.seen = self.seen, snapshot(self.services.engine)
        assert broken_since(self.before, self.seen) + broken(self.seen) == []
        assert self.world.used_jobs() <= MOST_JOBS
        for row in self.seen.jobs.values():
            if row.id in self.before.jobs:
                self.used[f"{self.before.jobs[row.id].status} -> {row.status}"] += 1
            if row.status == "scheduled" and row.run_at is None:
                self.used["wait for a rate"] += 1
            if row.status == "held" and any(
                edge.waits and is_missing(self.seen, edge) for edge in self.seen.edges[row.id]
            ):
                self.used["wait for a retry"] += 1

    def teardown(self) -> None:
        try:
            self.world.let_all_end()
            ended = snapshot(self.services.engine)
            assert broken(ended) + unfinished(ended) + verified(self.services.engine) == []
        finally:
            self.world.clear()

    def check(self, verb: str, refused: str, expected: str) -> None:
        self.used[f"{verb} {refused}".strip()] += 1
        event(f"{verb} {refused}".strip())
        assert refused == expected, f"{verb}: {refused or 'done'} instead of {expected or 'done'}"
        self.look()

    def claims(self) -> Job | None:
        job = self.world.claim()
        self.check("claim" if job else "claim nothing", "", "")
        return job

    def token(self, number: int) -> Job:
        """Return a claimed job that is still held, or any claimed job, which mostly belongs to a zombie."""
        held = [job for job in self.world.claimed if not self.fenced(job)]
        candidates = held if held and number % 3 else self.world.claimed
        return candidates[number % len(candidates)]

    def fenced(self, job: Job) -> str:
        row = self.seen.jobs.get(job.id)
        holds = row is not None and (row.status, row.attempt) == ("running", job.attempt)
        return "" if holds else "LeaseLost"

    def illegal(self, number: int, *legal: str) -> str:
        row = self.row(number)
        if row is None:
            return "JobNotFound"
        return "" if row.status in legal else "IllegalTransition"

    def asked(self, number: int) -> int:
        """Return the number of a job that waits for approval, or of any."""
        waiting = [place for place, job_id in enumerate(self.world.ids) if self.waits(job_id)]
        return waiting[number % len(waiting)] if waiting and number % 4 else number

    def asks(self, job_id: UUID) -> bool:
        row = self.seen.jobs.get(job_id)
        return row is not None and row.asked_of is not None

    def waits(self, job_id: UUID) -> bool:
        row = self.seen.jobs.get(job_id)
        return row is not None and (row.status, row.approval) == ("held", "pending")

    def undecidable(self, number: int, by: UUID) -> str:
        row = self.row(number)
        if row is None:
            return "JobNotFound"
        if not self.waits(row.id):
            return "NotWaitingForApproval"
        return "OwnJob" if by in {row.owner_id, row.triggered_by} else ""

    def is_held(self, key: str | None) -> bool:
        return any(row.unique_key == key and row.status not in TERMINAL for row in self.seen.jobs.values() if key)

    def row(self, number: int) -> Any:
        return self.seen.jobs.get(self.world.job(number)) if self.world.ids else None


def _is_graph(follows: list[list[int]]) -> bool:
    """Return whether every job follows existing ones, and none itself by any way."""
    if any(other >= len(follows) for others in follows for other in others):
        return False
    try:
        TopologicalSorter(dict(enumerate(follows))).prepare()
    except CycleError:
        return False
    return True


SEED = 1  # with the default number of examples, it covers MUST_HAPPEN
EXAMPLES = {("sqlite", True): 30, ("postgresql", True): 15, ("sqlite", False): 3, ("postgresql", False): 1}


def play(services: Services, *, examples: int, steps: int = 40) -> Counter[str]:
    machine = type("Machine", (Lifecycle,), {"services": services, "used": Counter()})
    run_state_machine_as_test(
        seed(SEED)(machine),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )
    return machine.used


def test_no_order_of_operations_breaks_a_rule(services: Services, database: str, thorough: bool) -> None:
    used = play(services, examples=EXAMPLES[database, thorough])
    if thorough and database == "sqlite":
        assert used.keys() >= MUST_HAPPEN, MUST_HAPPEN - used.keys()
    assert used["haunt end LeaseLost"] >= (5 if thorough else 1), used
