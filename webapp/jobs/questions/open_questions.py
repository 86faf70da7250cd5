"""The questions that a user can answer: what the page, the badge, the API and the command line show."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, func, select

from webapp.db.engine import reading
from webapp.jobs.model.job import Job
from webapp.jobs.model.job_policy import JobPolicy
from webapp.jobs.queries.visible_jobs import Viewer, same_tenant
from webapp.jobs.questions.question import Question
from webapp.jobs.questions.question_rows import COLUMNS, IS_OPEN, to_question
from webapp.jobs.store.job_store import to_job
from webapp.schema import job_questions, jobs

CEILING = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQuestion:
    """A question, and the job that waits for its answer."""

    question: Question
    job: Job


class OpenQuestions:
    """Reads what waits for somebody's answer. The policy decides; this is the same in SQL."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, policy: JobPolicy, limit: int = CEILING) -> tuple[OpenQuestion, ...]:
        """Return the questions that the user is asked, those that expire first before the others."""
        ends = job_questions.c.ends_at
        wanted = self._asked(*(column.label(f"q_{column.key}") for column in COLUMNS), *jobs.c).where(*_of(policy))
        ordered = wanted.order_by(ends.is_(None), ends, job_questions.c.id).limit(limit)
        with reading(self._engine) as connection:
            return tuple(_open_question(row) for row in connection.execute(ordered).mappings())

    def count(self, policy: JobPolicy) -> int:
        """Return how many questions the user is asked, up to `CEILING`."""
        some = select(jobs.c.id).where(*_of(policy)).limit(CEILING).subquery()
        with reading(self._engine) as connection:
            return connection.execute(select(func.count()).select_from(some)).scalar_one()

    def _asked(self, *columns: Any) -> Select[Any]:
        joined = (jobs.c.id == job_questions.c.job_id) & IS_OPEN
        return select(*columns).join_from(jobs, job_questions, joined)


def _of(policy: JobPolicy) -> list[ColumnElement[bool]]:
    viewer = Viewer(user_id=policy.user_id, sees_all=policy.sees_all, tenant=policy.tenant)
    asked = jobs.c.asked_of.in_(sorted(policy.answers_as))
    return [jobs.c.asked_of.is_not(None), asked, same_tenant(viewer)]  # the first as in the index


def _open_question(row: Any) -> OpenQuestion:
    question = to_question({column.key: row[f"q_{column.key}"] for column in COLUMNS})
    return OpenQuestion(question=question, job=to_job(row))
