"""`JobContext.ask`: the attempt ends with the question, and a later start gets the answer."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel, SecretStr

from tests.asked_jobs import QUESTION, Decision
from tests.jobs.conftest import Nothing
from tests.jobs.questions.conftest import Ask
from webapp.jobs import JobContext, NotAnswered, Respondent
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.executor import Executor
from webapp.jobs.model.job import Job, Status
from webapp.jobs.questions.question import QuestionState
from webapp.jobs.testing import FakeJobContext, WaitForAnswer
from webapp.services import Services

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect]
KEEP = {"keep": True, "customer": "Ada"}


def test_a_job_waits_for_the_answer_and_goes_on_with_it(
    services: Services, ask: Ask, answered: list[Decision], run_jobs: Callable[[], int]
) -> None:
    waiting = ask()
    assert (waiting.status, waiting.asked_of, waiting.lease_id) == (Status.HELD, "role:operator", None)
    assert (waiting.attempt_number, waiting.attempts_allowed, answered) == (0, 1, [])
    [question] = services.questions.of(waiting.id)
    assert (question.text, question.name, question.state) == (QUESTION, QUESTION, QuestionState.OPEN)
    assert run_jobs() == 0, "nobody claims it"
    somebody = uuid4()
    queued = services.jobs.answer(waiting.id, KEEP, by=somebody)
    assert (queued.status, queued.asked_of) == (Status.QUEUED, None)
    run_jobs()
    ended = services.jobs.get(waiting.id)
    assert (ended.status, ended.attempt_number, ended.attempts_allowed) == (Status.COMPLETED, 1, 1)
    assert answered == [Decision(keep=True, customer="Ada")]
    [question] = services.questions.of(waiting.id)
    assert (question.state, question.answer, question.answered_by) == (QuestionState.ANSWERED, KEEP, somebody)
    events = services.queries.jobs.timeline(waiting.id)
    assert [event.name for event in events] == [
        "created",
        "started",
        "asked",
        "question_answered",
        "started",
        "completed",
    ]
    assert (events[3].actor_id, events[3].detail) == (somebody, QUESTION)


def test_progress_and_children_stay_while_a_job_waits(services: Services, run_jobs: Callable[[], int]) -> None:
    @job_type("asking", title="Asking", replaces=True)
    def handler(job: JobContext, _payload: Nothing) -> None:
        job.progress(40, message="Read")
        job.spawn("nothing", name="child")
        job.flush_children()
        job.ask(Decision, QUESTION)
        job.progress(60)

    services.registry.add(handler)
    job = services.jobs.create_job("asking")
    run_jobs()
    waiting = services.jobs.get(job.id)
    assert (waiting.status, waiting.progress, waiting.message, waiting.parts) == (Status.HELD, 40.0, "Read", 1)
    services.jobs.answer(job.id, KEEP, by=None)
    run_jobs()
    ended = services.jobs.get(job.id)
    assert (ended.status, ended.parts, ended.parts_completed) == (Status.COMPLETED, 1, 1)


def test_a_child_asks_while_its_root_waits(services: Services, ask: Ask, run_jobs: Callable[[], int]) -> None:
    ask(run=False)  # declares the type

    @job_type("root", title="Root", replaces=True)
    def root(job: JobContext, _payload: Nothing) -> None:
        job.spawn("asking")

    services.registry.add(root)
    job = services.jobs.create_job("root")
    run_jobs()
    [child] = services.queries.related.children(job.id)
    assert (services.jobs.get(job.id).status, child.status) == (Status.WAITING, Status.HELD)
    services.jobs.answer(child.id, KEEP, by=None)
    run_jobs()
    assert services.jobs.get(job.id).status is Status.COMPLETED


def test_several_questions_are_asked_in_turn_and_each_once(services: Services, run_jobs: Callable[[], int]) -> None:
    starts, got = [], []

    @job_type("asking", title="Asking", replaces=True)
    def handler(job: JobContext, _payload: Nothing) -> None:
        starts.append(job.fencing_token)
        first = job.ask(Decision, "First?", name="first")
        got.append((first.keep, job.ask(Decision, "Second?", to=Respondent(group="Finance")).keep))

    services.registry.add(handler)
    job = services.jobs.create_job("asking")
    run_jobs()
    services.jobs.answer(job.id, {"keep": True}, by=None)
    run_jobs()
    assert services.jobs.get(job.id).asked_of == "group:Finance"
    services.jobs.answer(job.id, {"keep": False}, by=None)
    run_jobs()
    assert (starts, got) == ([1, 2, 3], [(True, False)])
    assert [question.name for question in services.questions.of(job.id)] == ["first", "Second?"]


def test_a_question_without_an_answer_in_time_has_its_default_or_fails_the_job(
    services: Services,
    ask: Ask,
    answered: list[Decision],
    run_jobs: Callable[[], int],
    pass_time: Callable[[Job], None],
) -> None:
    late = ask(until=timedelta(days=2))
    pass_time(late)
    assert services.jobs.look_after_questions() == 1
    run_jobs()
    ended = services.jobs.get(late.id)
    assert (ended.status, ended.errors[-1]["text"]) == (Status.FAILED, f"Nobody answered in time: {QUESTION}")
    calm = ask(until=datetime(2999, 1, 1, tzinfo=UTC), default=Decision(keep=False))
    pass_time(calm)
    services.jobs.look_after_questions()
    run_jobs()
    assert services.jobs.get(calm.id).status is Status.COMPLETED
    assert answered == [Decision(keep=False)]


def test_a_retried_job_asks_again_what_nobody_answered(
    services: Services, ask: Ask, run_jobs: Callable[[], int], pass_time: Callable[[Job], None]
) -> None:
    job = ask(until=timedelta(days=2))
    pass_time(job)
    services.jobs.look_after_questions()
    run_jobs()
    services.jobs.retry(job.id)
    run_jobs()
    assert services.jobs.get(job.id).waits_for_answer
    services.jobs.answer(job.id, KEEP, by=None)
    run_jobs()
    assert services.jobs.get(job.id).status is Status.COMPLETED


def test_a_stopped_job_withdraws_its_question_and_asks_again_after_a_retry(
    services: Services, ask: Ask, run_jobs: Callable[[], int]
) -> None:
    job = ask()
    stopped = services.jobs.cancel(job.id)
    assert (stopped.status, stopped.asked_of) == (Status.CANCELLED, None)
    services.jobs.look_after_questions()
    assert [question.state for question in services.questions.of(job.id)] == [QuestionState.WITHDRAWN]
    services.jobs.retry(job.id)
    run_jobs()
    states = [question.state for question in services.questions.of(job.id)]
    assert states == [QuestionState.WITHDRAWN, QuestionState.OPEN]


def test_a_job_that_is_asked_to_stop_just_before_its_question_waits_for_nobody(
    services: Services, run_jobs: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    @job_type("asking", title="Asking", replaces=True)
    def handler(job: JobContext, _payload: Nothing) -> None:
        services.jobs.cancel(job.id)
        job.ask(Decision, QUESTION)

    services.registry.add(handler)
    job = services.jobs.create_job("asking")
    reads = Executor._stop_requested
    seen: list[Any] = []

    def does_not_see_it_yet(executor: Executor, reporter: Any) -> bool:
        seen.append(reporter)
        return len(seen) > 1 and reads(executor, reporter)

    monkeypatch.setattr(Executor, "_stop_requested", does_not_see_it_yet)
    run_jobs()
    assert len(seen) == 2
    assert services.jobs.get(job.id).status is Status.CANCELLED


def test_a_job_that_runs_again_from_a_step_keeps_the_answers_before_it(
    services: Services, run_jobs: Callable[[], int]
) -> None:
    used: list[tuple[int, bool]] = []

    @job_type("asking", title="Asking", replaces=True)
    def handler(job: JobContext, _payload: Nothing) -> None:
        kept = job.ask(Decision, "First?", name="first").keep
        job.step("book", used.append, (job.fencing_token, kept))
        job.step("send", lambda: None)
        job.ask(Decision, "Second?", name="second")

    services.registry.add(handler)
    job = services.jobs.create_job("asking")
    for _ in range(2):
        run_jobs()
        services.jobs.answer(job.id, {"keep": True}, by=None)
    run_jobs()
    again = services.jobs.run_again(job.id, from_step="send")
    run_jobs()
    assert services.jobs.get(again.id).waits_for_answer
    assert used == [(2, True)], "the first answer and its step were kept"
    states = [(question.name, question.state) for question in services.questions.of(again.id)]
    assert states == [("first", QuestionState.ANSWERED), ("second", QuestionState.OPEN)]


class Secret(BaseModel):
    """Asks for what no answer may have."""

    password: SecretStr


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"until": timedelta(0)}, "until must be"),
        ({"until": datetime(2030, 1, 1)}, "until must be"),  # noqa: DTZ001  (what is refused)
        ({"remind": "daily"}, "remind must be"),
        ({"name": "two\nlines"}, "The name of a question must be"),
        ({"to": "everybody"}, "to must be the id of a user, a role"),
        ({"default": Nothing()}, "The default of the question"),
    ],
)
def test_a_question_that_could_not_be_asked_is_refused(choices: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        FakeJobContext().ask(Decision, QUESTION, **choices)


def test_a_form_is_found_by_pages_and_asks_for_no_secret() -> None:
    class Local(BaseModel):
        keep: bool

    with pytest.raises(ValueError, match="a class at the top of a module"):
        FakeJobContext().ask(Local, QUESTION)
    with pytest.raises(ValueError, match="asks for a file or a secret"):
        FakeJobContext().ask(Secret, QUESTION)
    with pytest.raises(TypeError, match="must be a pydantic model"):
        FakeJobContext().ask(dict, QUESTION)  # type: ignore[type-var]


def test_the_fake_context_has_the_answers_of_a_test() -> None:
    job = FakeJobContext(answers={"first": Decision(keep=True), "second": {"keep": False}, "third": None})
    assert job.ask(Decision, "One?", name="first").keep
    assert not job.ask(Decision, "Two?", name="second").keep
    with pytest.raises(NotAnswered):
        job.ask(Decision, "Three?", name="third")
    assert not job.ask(Decision, "Four?", default=Decision(keep=False)).keep
    with pytest.raises(WaitForAnswer):
        job.ask(Decision, "Five?", until=timedelta(hours=1))
    assert [question.name for question in job.questions] == ["Four?", "Five?"]
    with pytest.raises(ValueError, match="has asked “first” already"):
        job.ask(Decision, "One?", name="first")
