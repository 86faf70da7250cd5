"""The handler's side: a question is asked once, and a later start of the job gets the answer.

A question that has no answer yet ends the attempt: `WaitForAnswer`. The question is written in the transaction that
puts the job down, so after a crash before it the next attempt asks, and after it nobody asks again.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel
from sqlalchemy import Connection, Engine

from webapp.db.engine import reading
from webapp.db.retry import retry_while_away
from webapp.fault_injection import faultpoint
from webapp.jobs.definition.job_type import JobError
from webapp.jobs.model import value_rules
from webapp.jobs.model.job import Job, Owner
from webapp.jobs.model.secret_mask import SecretMask
from webapp.jobs.model.value_rules import MOMENT, NOTHING, ValueRule
from webapp.jobs.questions import question_rows
from webapp.jobs.questions.answer_class import InvalidAnswer, parse_answer, path_of, stored
from webapp.jobs.questions.question import NAME_LIMIT, TEXT_LIMIT, QuestionDraft, respondent
from webapp.jobs.questions.wait_for_answer import WaitForAnswer

M = TypeVar("M", bound=BaseModel)
_NAME = ValueRule(
    f"a line of 1 to {NAME_LIMIT} printable characters",
    lambda name: isinstance(name, str) and 0 < len(name.strip()) <= len(name) <= NAME_LIMIT and name.isprintable(),
)
_RULES: Mapping[str, ValueRule] = MappingProxyType(
    {
        "The text of a question": value_rules.text(TEXT_LIMIT),
        "The name of a question": _NAME,
        "until": NOTHING | MOMENT | value_rules.period(),
        "remind": NOTHING | value_rules.period(),
    }
)


class NotAnswered(JobError):
    """Raised by `JobContext.ask` when nobody has answered in time and the question has no default."""

    def __init__(self, text: str) -> None:
        """Repeat the question."""
        super().__init__(f"Nobody answered in time: {text}")


class AnswerStore(Protocol):
    """Where the answers of one job are."""

    def kept(self) -> Mapping[str, Mapping[str, Any] | None]:
        """Return the answers by the names of their questions; None for those that nobody answered in time."""


class StoredAnswers:
    """Reads the answers of a job from the database."""

    def __init__(self, engine: Engine, job: Job, retry_seconds: float) -> None:
        self._engine = engine
        self._job = job
        self._retry_seconds = retry_seconds

    def kept(self) -> Mapping[str, Mapping[str, Any] | None]:
        """Return the answers by the names of their questions; None for those that nobody answered in time."""
        return retry_while_away(self._read, seconds=self._retry_seconds)

    def _read(self) -> Mapping[str, Mapping[str, Any] | None]:
        with reading(self._engine) as connection:
            return question_rows.answers_of(connection, self._job.id)


class Questions:
    """The questions of one attempt; ``now`` returns the time of the database."""

    def __init__(self, store: AnswerStore, owner: Owner, now: Callable[[], datetime]) -> None:
        self._store = store
        self._owner = owner
        self._now = now
        self._asked: set[str] = set()

    def ask(
        self,
        model: type[M],
        text: str,
        *,
        name: str | None,
        to: object,
        until: datetime | timedelta | None,
        default: M | None,
        remind: timedelta | None,
        mask: SecretMask,
    ) -> M:
        """Return the answer; raise `WaitForAnswer` if there is none yet, and `NotAnswered` if there will be none."""
        text = mask.text(text) if isinstance(text, str) else text
        name = _line(text) if name is None else name
        _check({"The text of a question": text, "The name of a question": name, "until": until, "remind": remind})
        form = path_of(model)
        if default is not None and not isinstance(default, model):
            message = f"The default of the question “{name}” must be of the class of its answer, not {default!r}."
            raise ValueError(message)
        if name in self._asked:
            message = f"This attempt has asked “{name}” already. Give each question of a job a name of its own."
            raise ValueError(message)
        self._asked.add(name)
        asked_of = respondent(to, self._owner).key
        if name in self._kept:
            return _answer(model, text, name, self._kept[name])
        draft = QuestionDraft(
            name=name,
            text=text,
            form=form,
            asked_of=asked_of,
            ends_at=self._now() + until if isinstance(until, timedelta) else until,
            remind_every=remind,
            default=None if default is None else stored(default),
        )
        raise WaitForAnswer(draft, _write)

    @cached_property
    def _kept(self) -> Mapping[str, Mapping[str, Any] | None]:
        return self._store.kept()


def _check(values: Mapping[str, object]) -> None:
    if objection := value_rules.first_objection(values, _RULES):
        raise ValueError(objection)


def _write(connection: Connection, job: Job, draft: QuestionDraft) -> None:
    question_rows.insert(connection, job.id, draft)
    faultpoint("question.commit")


def _line(text: object) -> str:
    """Return the name of a question that was given none."""
    return " ".join(text.split())[:NAME_LIMIT].strip() if isinstance(text, str) else ""


def _answer(model: type[M], text: str, name: str, answer: Mapping[str, Any] | None) -> M:
    if answer is None:
        raise NotAnswered(text)
    try:
        return parse_answer(model, answer)  # type: ignore[return-value]
    except InvalidAnswer as error:
        message = f"The answer to “{name}” no longer fits its form. {error}"
        raise JobError(message) from None
