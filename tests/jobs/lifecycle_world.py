"""A set of jobs for tests that call operations in random order: a state machine, or several threads.

An operation can be legal or not; it returns the name of the exception that it raised, or "".
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select, update

from tests.asked_jobs import FORM
from tests.jobs.conftest import HOLDER, LOCATION, Nothing
from webapp.db.engine import reading, writing
from webapp.jobs.budgets.admission import BudgetUsedUp
from webapp.jobs.budgets.budget import MonthlyBudget, of_user
from webapp.jobs.budgets.service import Budgets
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.editing.job_edit import JobEdit
from webapp.jobs.execution.reporter import Reporter
from webapp.jobs.execution.steps import Steps, StoredSteps
from webapp.jobs.flows.flow import Flow
from webapp.jobs.flows.flow_queries import FlowNotFound
from webapp.jobs.lifecycle.finish_attempt import Ending
from webapp.jobs.maintenance.clock_chores import promote_due, release_jobs_with_free_keys
from webapp.jobs.model.approval import Approval
from webapp.jobs.model.job import BadRequest, IllegalTransition, Job, Owner, Status
from webapp.jobs.model.rate import Rate
from webapp.jobs.questions import question_rows
from webapp.jobs.questions.question import QuestionDraft
from webapp.jobs.questions.wait_for_answer import WaitForAnswer
from webapp.jobs.queueing.claim import Claims
from webapp.jobs.queueing.rates import admit_due
from webapp.jobs.store.fence import Fence, LeaseLost, report
from webapp.jobs.store.job_store import JobNotFound
from webapp.jobs.store.unique_keys import DuplicateJob, UniqueKeyTaken
from webapp.schema import (
    budget_usage,
    dependencies,
    flows,
    job_questions,
    jobs,
    leases,
    now,
    queues,
    rate_starts,
    rate_waits,
)
from webapp.services import Services

MOST_RUNNING = 2
PLAIN_STEPS, STEPS = ("fetch",), ("fetch", "book")  # the others write in their transaction
QUEUE = "default"
KEYS = ("stock", "prices")
MOST_JOBS = 2
LIMITED = Owner(user_id=UUID(int=3))  # whose budget has room for so many jobs
OWNERS = (Owner(), Owner(user_id=UUID(int=1)), Owner(user_id=UUID(int=2)))
REFUSALS = (IllegalTransition, BadRequest, DuplicateJob, UniqueKeyTaken, JobNotFound, LeaseLost, BudgetUsedUp)
ENDINGS = (
    Ending(status=Status.COMPLETED, outcome="completed"),
    Ending(status=Status.FAILED, outcome="failed", error="It broke."),
    Ending(status=Status.CANCELLED, outcome="cancelled", cancel_kind="cooperative"),
    Ending(status=Status.QUEUED, outcome="interrupted"),
    Ending(status=Status.SCHEDULED, outcome="failed", error="It broke.", retry_in=0.0),
)


class World:
    """Jobs by number, in the order of their creation, and claimed jobs as their work-horses know them."""

    def __init__(self, services: Services) -> None:
        self.services, self.jobs = services, services.jobs
        if "guarded" not in services.registry:
            services.registry.add(job_type("guarded", title="Guarded", approval=Approval())(_nothing))
        if "narrow" not in services.registry:
            services.registry.add(job_type("narrow", title="Narrow", max_running=MOST_RUNNING)(_nothing))
        if "rated" not in services.registry:
            services.registry.add(job_type("rated", title="Rated", max_per=Rate(2, timedelta(hours=1)))(_nothing))
        self.budgets = Budgets(services.engine, MonthlyBudget(), ZoneInfo("UTC"))
        self.budgets.set_limits(of_user(UUID(int=3)), MonthlyBudget(jobs=MOST_JOBS))
        self.budgets.count_new_jobs()
        self.claims = Claims(services.engine, {kind.name: kind.limits for kind in services.registry})
        self.ids: list[UUID] = []
        self.claimed: list[Job] = []
        self.flows: list[UUID] = []
        self.started: dict[tuple[UUID, str], UUID] = {}  # flows by the jobs that have started them
        self.results: dict[tuple[UUID, str], str] = {}  # of the steps that jobs have kept

    def job(self, number: int) -> UUID:
        return self.ids[number % len(self.ids)] if self.ids else uuid4()

    def create(self, kind: str, *, after: Sequence[int] = (), delay: int | None = None, **choices: Any) -> str:
        first = list(dict.fromkeys(self.job(number) for number in after)) if self.ids else []
        pause = None if delay is None else timedelta(seconds=delay)
        return self._create(lambda: self.jobs.create_job(kind, after=first, delay=pause, **choices))

    def used_jobs(self) -> int:
        """Return how many jobs of the owner with a budget were counted."""
        return self.budgets.of_user(UUID(int=3))[1].jobs

    def run_again(self, number: int) -> str:
        return self._create(lambda: self.jobs.run_again(self.job(number)))

    def claim(self) -> Job | None:
        job = self.claims.claim(QUEUE, self.services.leases.open(HOLDER, QUEUE), fresh=True)
        if job:
            self.claimed.append(job)
        return job

    def claim_one(self, job_id: UUID) -> Job:
        """Claim a queued job that no limit blocks."""
        job = self.claims.claim_one(job_id, QUEUE, self.services.leases.open(HOLDER, QUEUE))
        assert job is not None
        self.claimed.append(job)
        return job

    def report(self, job: Job, percent: float) -> str:
        def write() -> None:
            with writing(self.services.engine) as connection:
                report(connection, Fence(job_id=job.id, attempt=job.attempt), {"progress": percent})

        return refusal(write)

    def run_step(self, job: Job, name: str) -> str:
        """Run a step that returns something new each time; its job must get the first result that was kept."""
        fence = Fence(job_id=job.id, attempt=job.attempt)
        steps = Steps(StoredSteps(self.services.engine, fence, 0.0), job.attempt, lambda: datetime.now(UTC))
        way = steps.run if name in PLAIN_STEPS else steps.run_in_transaction

        def run() -> None:
            result = way(name, lambda *_: uuid4().hex)
            assert self.results.setdefault((job.id, name), result) == result, f"the step {name} ran again"

        return refusal(run)

    def spawn(self, job: Job, names: Iterable[str | None], **choices: Any) -> str:
        def add() -> None:
            made = [self.jobs.child_of(job, "nothing", None, name, choices) for name in names]
            self.jobs.add_children(job, made)
            self._remember(*self.services.queries.related.children(job.id))  # a child whose name exists is not created

        return refusal(add)

    def start_flow(self, follows: Sequence[Sequence[int]], on_failure: str, owner: Owner, by: Job | None = None) -> str:
        """Start a flow in which each job follows others by their places, or let a running job start it."""
        flow = Flow(f"Flow of {len(follows)}")
        for place, others in enumerate(follows):
            job = flow.spawn("narrow" if place == 1 else "nothing", name=str(place))
            for other in sorted(set(others)):
                job.after(str(other), on_failure=on_failure)

        def start() -> None:
            if by is None:
                self.flows.append(self.jobs.start_flow(flow, owner=owner))
            else:
                flow_id = self.jobs.start_flow_of(by, flow)
                known = self.started.setdefault((by.id, flow.title), flow_id)
                assert known == flow_id, "a handler has started a flow twice"
            self._remember(*self.services.queries.flows.get(flow.id).jobs)

        return refusal(start)

    def flow(self, number: int) -> list[int]:
        """Return the numbers of the jobs of a flow that were not deleted."""
        if not self.flows:
            return []
        try:
            jobs_ = self.services.queries.flows.get(self.flows[number % len(self.flows)]).jobs
        except FlowNotFound:
            return []
        return [self.ids.index(job.id) for job in jobs_]

    def retry_flow(self, numbers: Iterable[int]) -> str:
        return refusal(lambda: self.jobs.retry_flow([self.job(number) for number in numbers]))

    def add_child(self, number: int, name: str | None, kind: str = "nothing") -> str:
        return self._create(lambda: self.jobs.create_child_job(self.job(number), kind, name=name))

    def approve(self, number: int, by: UUID) -> str:
        return refusal(lambda: self.jobs.approve(self.job(number), by=by))

    def reject(self, number: int, by: UUID) -> str:
        return refusal(lambda: self.jobs.reject(self.job(number), "No", by=by))

    def expire_approvals(self) -> None:
        """Let the time of every job that waits for approval end."""
        with writing(self.services.engine) as connection:
            connection.execute(update(jobs).where(jobs.c.approval == "pending").values(approval_ends_at=now()))
        self.jobs.expire_approvals()

    def put_question(self, job: Job) -> str:
        """End an attempt as a handler does that asks a person."""
        draft = QuestionDraft(name="go on", text="Go on?", form=FORM, asked_of="role:user")
        asks = WaitForAnswer(draft, lambda connection, job, draft: question_rows.insert(connection, job.id, draft))
        return self.end(job, Ending(status=Status.HELD, outcome="asked", asks=asks))

    def answer(self, number: int) -> str:
        return refusal(lambda: self.jobs.answer(self.job(number), {"keep": True}, by=UUID(int=1)))

    def expire_answers(self) -> None:
        """Let the time of every open question end."""
        with writing(self.services.engine) as connection:
            connection.execute(update(job_questions).where(job_questions.c.state == "open").values(ends_at=now()))
        self.jobs.look_after_questions()

    def release(self, number: int) -> str:
        return refusal(lambda: self.jobs.release(self.job(number)))

    def end(self, job: Job, ending: Ending) -> str:
        """End an attempt as the executor does."""
        reporter = Reporter(self.services.engine, job)
        return refusal(lambda: self.services.executor._write(job, LOCATION, ending, reporter))

    def settle(self, job: Job, **how: bool) -> tuple[Job, ...]:
        assert job.lease_id
        return self.services.leases.settle(job.lease_id, why="It went down.", **how)

    def cancel(self, number: int) -> str:
        return refusal(lambda: self.jobs.cancel(self.job(number)))

    def cancel_many(self, numbers: Iterable[int]) -> str:
        return refusal(lambda: self.jobs.cancel_many([self.job(number) for number in numbers]))

    def retry(self, number: int) -> str:
        return refusal(lambda: self.jobs.retry(self.job(number)))

    def retry_many(self, numbers: Iterable[int]) -> str:
        return refusal(lambda: self.jobs.retry_many([self.job(number) for number in numbers]))

    def set_priority(self, number: int, priority: int) -> str:
        return refusal(lambda: self.services.admin_jobs.set_priority(self.job(number), priority))

    def set_tags(self, number: int, tags: Sequence[str]) -> str:
        return refusal(lambda: self.services.admin_jobs.set_tags(self.job(number), tags))

    def edit(self, number: int, **values: Any) -> str:
        return refusal(lambda: self.services.job_editor.edit(self.job(number), JobEdit(**values)))

    def delete(self, number: int) -> str:
        """Delete a job."""
        return refusal(lambda: self.jobs.delete(self.job(number)))

    def pause(self) -> None:
        self.services.queues.pause(QUEUE)

    def resume(self) -> None:
        self.services.queues.resume(QUEUE)

    def let_time_pass(self) -> None:
        """Make every scheduled job due, and every start too old for a rate."""
        with writing(self.services.engine) as connection:
            connection.execute(update(jobs).where(jobs.c.run_at.is_not(None)).values(run_at=now()))
            connection.execute(delete(rate_starts))
            connection.execute(update(rate_waits).values(next_at=now()))
        promote_due(self.services.engine)
        admit_due(self.services.engine, {kind.name: kind.limits for kind in self.services.registry})
        release_jobs_with_free_keys(self.services.engine)

    def let_all_end(self) -> None:
        """Run all jobs that can run, until none is left."""
        self.resume()
        self.budgets.clear_limits(of_user(UUID(int=3)))
        for job in self.claimed:
            self.settle(job, hand_back=True)
        self.expire_approvals()
        self.expire_answers()
        self.let_time_pass()
        self._complete_all()
        self.jobs.retry_flow(self._awaited(dependencies.c.after_id))
        self._complete_all()
        self.jobs.cancel_many(self._awaited(dependencies.c.job_id))  # those that cannot run again

    def _complete_all(self) -> None:
        while job := self.claim() or self._claim_later():
            assert self.end(job, ENDINGS[0]) == ""
            self.expire_approvals()
            self.expire_answers()
            self.let_time_pass()

    def _awaited(self, column: Any) -> list[UUID]:
        """Return the ended jobs for whose retry others wait, or these others."""
        held = jobs.alias("held")
        waits = (dependencies.c.waits, held.c.id == dependencies.c.job_id, held.c.status == "held")
        ended = (jobs.c.id == dependencies.c.after_id, jobs.c.status.in_(("failed", "cancelled", "stale")))
        with reading(self.services.engine) as connection:
            return list(connection.execute(select(column).where(*waits, *ended).distinct()).scalars())

    def _claim_later(self) -> Job | None:
        self.let_time_pass()  # the last claim can have put jobs aside
        return self.claim()

    def clear(self) -> None:
        with writing(self.services.engine) as connection:
            for table in (jobs, flows, leases, queues, rate_starts, rate_waits, budget_usage):
                connection.execute(delete(table))

    def _create(self, operation: Callable[[], Job]) -> str:
        made: list[Job] = []
        refused = refusal(lambda: made.append(operation()))
        self._remember(*made)
        return refused

    def _remember(self, *made: Job) -> None:
        self.ids.extend(job.id for job in made if job.id not in self.ids)


def refusal(operation: Callable[[], Any]) -> str:
    try:
        operation()
    except REFUSALS as error:
        return type(error).__name__
    return ""


def _nothing(job: object, payload: Nothing) -> None:
    """Do nothing."""
