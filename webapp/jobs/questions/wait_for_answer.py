"""What ends an attempt that has asked a person. Imports nothing, because every worker imports it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from webapp.jobs.model.job import Job
    from webapp.jobs.questions.question import QuestionDraft


class WaitForAnswer(BaseException):
    """Raised by `JobContext.ask` to end the attempt until a person has answered.

    A `BaseException`, so that ``except Exception`` in a handler cannot swallow it.
    """

    def __init__(self, draft: "QuestionDraft", write: Callable[["Connection", "Job", "QuestionDraft"], None]) -> None:
        """Take the question, and how it is written."""
        super().__init__(draft.text)
        self.draft = draft
        self._write = write

    @property
    def asked_of(self) -> str:
        """Whom it asks."""
        return self.draft.asked_of

    def record(self, connection: "Connection", job: "Job") -> None:
        """Write the question, in the transaction that puts its job down."""
        self._write(connection, job, self.draft)
