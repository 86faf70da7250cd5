"""Questions: what jobs ask the account, what a job has asked, and answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from webapp.accounts.tokens import Scope
from webapp.api.lists import LimitQuery, Page
from webapp.api.operations import Answer, Operations
from webapp.api.resources.jobs import JOB
from webapp.jobs.definition.field_specs import json_schema
from webapp.jobs.model.job import Job
from webapp.jobs.questions.answer_class import UnknownForm, class_at
from webapp.jobs.questions.answers import seen_state
from webapp.jobs.questions.question import Question, QuestionState
from webapp.views.job.questions.answer_page import answer_question, readable_question, readable_questions
from webapp.views.page.public_path import public_url_of
from webapp.views.page.request import job_policy, services

operations = Operations("questions")


class QuestionDocument(BaseModel):
    """A question that a job asks people, and what became of it."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    page: str = Field(description="The path of its page.")
    job_id: UUID
    job_title: str
    job_type: str
    name: str = Field(description="Unique among the questions of the job.")
    text: str
    asked_of: str = Field(description="`user:` and an id, `role:` and a role, or `group:` and a name.")
    asked_at: datetime
    ends_at: datetime | None = Field(description="Until when it can be answered.")
    state: QuestionState
    default: dict[str, JsonValue] | None = Field(description="The answer if nobody answers in time.")
    answer: dict[str, JsonValue] | None
    answered_by: UUID | None
    closed_at: datetime | None
    form: dict[str, Any] | None = Field(
        description="The JSON Schema of the answer; null if the code of the installation no longer has it."
    )


class AnswerBody(BaseModel):
    """The answer, in the form of the question."""

    model_config = ConfigDict(extra="forbid")

    answer: dict[str, JsonValue]


_STORED = tuple(
    name for name in QuestionDocument.model_fields if name not in {"page", "job_title", "job_type", "state", "form"}
)


@operations.add(
    "GET",
    "/questions",
    scope=Scope.READ,
    query=LimitQuery,
    answers={
        200: Answer(model=Page[QuestionDocument], description="Questions, those that expire first before the others.")
    },
)
def list_questions(query: LimitQuery) -> Any:
    """List the open questions that jobs ask the account.

    There is no next page: answer these, and the others follow.
    """
    found = services().open_questions.of(job_policy(), query.limit)
    return {"items": [question_document(each.question, each.job) for each in found], "next": None}


@operations.add(
    "GET",
    f"{JOB}/questions",
    scope=Scope.READ,
    answers={200: Answer(model=Page[QuestionDocument], description="Questions, oldest first.")},
)
def list_job_questions(job_id: UUID) -> Any:
    """List what a job has asked, with the answers.

    An account that cannot open the job gets the questions that it was asked.
    """
    job, found = readable_questions(job_id)
    return {"items": [question_document(question, job) for question in found], "next": None}


@operations.add(
    "POST",
    "/questions/<uuid:question_id>/answer",
    scope=Scope.START,
    body=AnswerBody,
    answers={200: Answer(model=QuestionDocument, description="The question with its answer.")},
)
def answer_question_of_job(question_id: UUID, body: AnswerBody) -> Any:
    """Answer a question, so that its job continues.

    If it was answered already, has expired or was withdrawn, the answer is 409 and nothing is changed.
    """
    answer_question(question_id, body.answer)
    return question_document(*readable_question(question_id))


def question_document(question: Question, job: Job) -> Mapping[str, Any]:
    """Return a question as JSON values."""
    return {
        **{name: getattr(question, name) for name in _STORED},
        "page": public_url_of(f"/questions/{question.id}"),
        "job_title": job.title,
        "job_type": job.type,
        "state": seen_state(question.state, job),
        "form": _form(question),
    }


def _form(question: Question) -> Mapping[str, Any] | None:
    try:
        return json_schema(class_at(question.form))
    except UnknownForm:
        return None
