"""Jobs that wait for the answer of a person, without the handler that asked."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from uuid_utils.compat import uuid7

from webapp.db.engine import writing
from webapp.jobs.model.job import EventName, Job, Owner, Status
from webapp.jobs.questions import question_rows
from webapp.jobs.questions.question import Question, QuestionDraft
from webapp.jobs.store import events
from webapp.services import Services

QUESTION = "23 rows have no customer. What should happen to them?"


class Decision(BaseModel):
    """What becomes of the rows."""

    keep: bool = Field(title="Keep them")
    customer: str = Field(default="", title="Customer", max_length=20)


FORM = f"{Decision.__module__}:{Decision.__qualname__}"


def asked_job(
    services: Services, *, asked_of: str = "role:operator", owner: UUID | None = None, job: Any = (), **question: Any
) -> tuple[Job, Question]:
    """Return a job that waits for an answer, and its question; ``job`` and ``question`` are further values."""
    known = {"type": "sheet", "title": "Import", "owner": Owner(user_id=owner), "attempt": 1, "uncounted_attempts": 1}
    made = Job(id=uuid7(), status=Status.HELD, asked_of=asked_of, **{**known, "max_attempts": 2, **dict(job)})
    draft = QuestionDraft(**{"name": QUESTION, "text": QUESTION, "form": FORM, "asked_of": asked_of, **question})
    with writing(services.engine) as connection:
        services.jobs.store.insert(connection, [made])
        events.insert(connection, events.rows_of([made], EventName.ASKED))
        question_rows.insert(connection, made.id, draft)
    asked = services.questions.open_of(made.id)
    assert asked is not None
    return services.jobs.get(made.id), asked
