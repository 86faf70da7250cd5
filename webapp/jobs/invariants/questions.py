"""Checks of questions: a job that waits for an answer has one open question, and nobody else has one."""

from collections.abc import Iterator

from sqlalchemy import Engine, and_, exists, or_, select

from webapp.jobs.invariants.check import Check, check_rows
from webapp.jobs.invariants.statuses import JOB_COLUMNS
from webapp.jobs.model.job import EventName, Status
from webapp.jobs.questions.question import QuestionState
from webapp.jobs.questions.question_rows import IS_OPEN
from webapp.schema import events, job_questions, jobs, later

_OVERDUE_SECONDS = 30.0
_OF_JOB = job_questions.c.job_id == jobs.c.id
_asks = jobs.c.asked_of.is_not(None)


def checks(engine: Engine) -> Iterator[Check]:
    """Yield the checks."""
    yield check_rows(
        engine,
        "Only a held job waits for an answer.",
        select(*JOB_COLUMNS, jobs.c.asked_of).where(_asks, jobs.c.status != Status.HELD.value),
    )
    asked = exists().where(_OF_JOB, IS_OPEN, job_questions.c.asked_of == jobs.c.asked_of)
    yield check_rows(
        engine,
        "A job that waits for an answer has an open question to the same people.",
        select(*JOB_COLUMNS, jobs.c.asked_of).where(_asks, ~asked),
    )
    yield check_rows(
        engine,
        "A job whose question is open waits for its answer.",
        select(*JOB_COLUMNS, job_questions.c.id.label("question"))
        .join_from(jobs, job_questions, _OF_JOB)
        .where(IS_OPEN, jobs.c.asked_of.is_(None)),
        transient=True,  # the clock withdraws those of ended jobs
    )
    # a job that was run again from a step has answers of the one before
    answered = exists().where(
        events.c.job_id == jobs.c.id,
        events.c.name == EventName.ANSWERED.value,
        events.c.detail == job_questions.c.name,
        events.c.actor_id.is_not_distinct_from(job_questions.c.answered_by),
    )
    yield check_rows(
        engine,
        "An answered question has its answer, and the timeline of its job says by whom.",
        select(*JOB_COLUMNS, job_questions.c.id.label("question"))
        .join_from(jobs, job_questions, _OF_JOB)
        .where(
            job_questions.c.state == QuestionState.ANSWERED.value,
            or_(job_questions.c.answer.is_(None), and_(~answered, jobs.c.again_of.is_(None))),
        ),
    )
    yield check_rows(
        engine,
        f"No question is open longer than {_OVERDUE_SECONDS:.0f} seconds after its time; the clock closes it.",
        select(*JOB_COLUMNS, job_questions.c.ends_at.label("until"))
        .join_from(jobs, job_questions, _OF_JOB)
        .where(IS_OPEN, job_questions.c.ends_at < later(-_OVERDUE_SECONDS)),
        transient=True,
    )
