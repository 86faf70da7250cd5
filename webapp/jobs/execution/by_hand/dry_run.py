"""Dry runs: run a handler without effects. It writes no row, no file and no log line.

Its reports are shown instead. The database rejects writes by the services that the handler uses. Effects
on other systems, such as an HTTP request, cannot be prevented. The `DryRun…` classes replace what a
handler is given in a real attempt.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, BinaryIO
from uuid import UUID

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from uuid_utils.compat import uuid7

from webapp.db.engine import reading
from webapp.jobs.execution.batches import SliceEnded
from webapp.jobs.execution.context import AnswerClass, JobContext, M
from webapp.jobs.execution.executor import Executor
from webapp.jobs.execution.handler_errors import SELF_EXPLANATORY, RetryLater, sentence_of, traceback_of
from webapp.jobs.execution.reporter import INTERVAL_SECONDS, LOG_LIMIT, Reporter
from webapp.jobs.execution.steps import StepStore, StoredSteps
from webapp.jobs.execution.time_limit import time_limit
from webapp.jobs.flows.flow import Flow
from webapp.jobs.model.incoming_text import text_of
from webapp.jobs.model.job import Job
from webapp.jobs.questions.wait_for_answer import WaitForAnswer
from webapp.jobs.store.attachments import FileLifetime
from webapp.jobs.store.fence import Fence
from webapp.jobs.store.file_store import FileStore, FoundFile, PartialFile, StoredFile
from webapp.jobs.store.step_rows import Step


@dataclass(frozen=True, slots=True)
class DryRunLine:
    """Something that a dry run shows: a report of the handler, its traceback, or the ``result`` at the end."""

    kind: str
    text: str

    def __str__(self) -> str:
        """Return it as a line for a terminal."""
        return self.text if self.kind in _UNLABELLED else f"{self.kind}: {self.text}"


Show = Callable[[DryRunLine], None]
Debug = Callable[[BaseException], None]
TRACEBACK, RESULT = "traceback", "result"
_UNLABELLED = frozenset({TRACEBACK, RESULT})
_READ_ONLY = "It tried to write to the database, which a dry run does not allow."


class DryRunReporter(Reporter):
    """Shows the reports that `Reporter` would write to the row."""

    def __init__(self, engine: Engine, job: Job, show: Show) -> None:
        super().__init__(engine, job)
        self._show_line = show
        self._held_back: dict[str, str] = {}  # progress and message, by kind
        self._shown_at = -INTERVAL_SECONDS

    def show(self, kind: str, text: str) -> None:
        """Show a line without the secrets of the payload, after the progress that was held back."""
        held_back, self._held_back = self._held_back, {}
        for line in (*held_back.items(), (kind, text)):
            self._show_line(DryRunLine(line[0], self.mask.text(line[1])))

    def set_values(self, **values: Any) -> None:
        """Show the new values of columns; progress and messages at most as often as a real attempt writes them."""
        if "progress" in values:
            self._held_back["progress"] = _progress_text(values)
        if "message" in values:
            self._held_back["message"] = text_of(values["message"])
        for name in ("state", "metadata"):
            if name in values:
                self.show(name, json.dumps(values[name], ensure_ascii=False))
        if self._held_back and monotonic() - self._shown_at >= INTERVAL_SECONDS:
            self._shown_at = monotonic()
            kind, text = self._held_back.popitem()
            self.show(kind, text)

    def add_diagnostic(self, field: str, text: str, key: str = "", parameters: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Show a warning or an error."""
        self.show(field.removesuffix("s"), text)

    def log(self, level: str, text: str) -> None:
        """Show a log line, as many as a real attempt keeps."""
        self._line_count += 1
        if self._line_count <= LOG_LIMIT:
            self.show(level.lower(), text_of(text))

    def read_stop_flag(self) -> bool:
        """Return False: a dry run cannot be stopped by a request."""
        return False

    def flush(self) -> None:
        """Do nothing."""

    def _ensure_thread(self) -> None:
        """Do nothing: no thread is needed."""


class DryRunSteps(StoredSteps):
    """Reads the steps that the job has kept, and shows the others instead of keeping them."""

    def __init__(self, show: Callable[[str, str], None], *arguments: Any) -> None:
        super().__init__(*arguments)
        self._show = show

    def keep(self, step: Step) -> None:
        """Show a step."""
        self._show("step", f"{step.name}: {json.dumps(step.result, ensure_ascii=False)}")

    def keep_in_transaction(self, name: str, run: Callable[[Connection], Step]) -> Step:  # noqa: ARG002
        """Run a step with a connection that rejects writes, and show it."""
        with reading(self._engine) as connection:
            step = run(connection)
        self.keep(step)
        return step


class DryRunContext(JobContext):
    """Shows the files and jobs that `JobContext` would create."""

    def __init__(self, show: Callable[[str, str], None], *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._show = show

    def _step_store(self) -> StepStore:
        fence = Fence(job_id=self._job.id, attempt=self._job.attempt)
        return DryRunSteps(self._show, self._reporter.engine, fence, self._retry_seconds)

    def _wait_for_answer(self, model: AnswerClass[M], question: WaitForAnswer) -> M:
        """Go on with the default of a question that has one."""
        if question.draft.default is None:
            raise self._reporter.deliver(question)
        self._show("question", f"{question} {json.dumps(question.draft.default, ensure_ascii=False)}")
        return model.model_validate(question.draft.default)

    @property
    def is_dry_run(self) -> bool:
        """True: effects on other systems must be left out."""
        return True

    def flush_children(self) -> None:
        """Show the children that were spawned."""
        for child in self._children:
            self._show("child job", f"{child.type}, {child.title}")
        self._children = []

    def after(self, type_name: str, payload: Any = None, *, on_finish: bool = False, **choices: Any) -> UUID:  # noqa: ARG002
        """Show the dependent job."""
        self._show("dependent job", f"{type_name}{' (in any case)' if on_finish else ''}")
        return uuid7()

    def _start_flow(self, flow: Flow) -> None:
        """Show the jobs of the flow."""
        flow.check()
        flow.id = uuid7()
        for each in flow.jobs:
            each.id = uuid7()
            before = ", ".join(edge.before for edge in each.edges)
            self._show(
                "job of a flow", f"{flow.title}: {each.name}, {each.type}{f', after {before}' if before else ''}"
            )

    def _add_file_row(self, file: StoredFile, lifetime: FileLifetime) -> None:
        kept = f", kept for {lifetime.own}" if lifetime.own else ""
        self._show("file", f"{file.name}, {file.size} bytes, {file.media_type}{kept}")


class DryRunPartialFile(PartialFile):
    """A file that is discarded; only its size and hash are computed."""

    def discard(self) -> None:
        """Do nothing: there is no file."""

    def _append(self, data: bytes) -> None:
        """Do nothing."""

    def _complete(self) -> None:
        """Do nothing."""


class DryRunFiles(FileStore):
    """Reads the files of a store; adds and removes none."""

    def __init__(self, files: FileStore) -> None:
        self._files = files

    def new_file(self, limit: int | None = None, *, file_id: UUID | None = None) -> PartialFile:
        """Return a file that is discarded."""
        return DryRunPartialFile(limit, file_id)

    def open(self, file_id: UUID) -> BinaryIO:
        """Open a file for reading."""
        return self._files.open(file_id)

    def has(self, file_id: UUID) -> bool:
        """Return whether a file exists."""
        return self._files.has(file_id)

    def link(self, file_id: UUID) -> UUID:  # noqa: ARG002
        """Return an id without creating a link."""
        return uuid7()

    def remove(self, file_id: UUID) -> None:
        """Do nothing."""

    def stage(self, user_id: UUID, file_id: UUID) -> None:
        """Do nothing."""

    def staged(self, user_id: UUID) -> list[tuple[UUID, int]]:
        """Return the files that wait for a user."""
        return self._files.staged(user_id)

    def remove_staged(self, user_id: UUID, file_id: UUID) -> None:
        """Do nothing."""

    def files(self, older_than: timedelta, now: float) -> Iterator[FoundFile]:  # noqa: ARG002
        """Return none, because the caller would remove them."""
        return iter(())

    def remove_found(self, found: FoundFile) -> None:
        """Do nothing."""


class DryRun(Executor):
    """Runs handlers without effects. Its engine must be read-only, and its files `DryRunFiles`."""

    def dry_run(
        self, job: Job, at: datetime, show: Show, *, limit: timedelta | None = None, debug: Debug | None = None
    ) -> bool:
        """Run a job's handler with its payload and checkpoint; return whether the job would complete.

        Works in any status. ``at`` is the database's time; ``show`` receives one line at a time, ``debug`` the
        error that ended the handler. Without a time ``limit`` it can take any time, for example in a debugger.
        """
        next_attempt = replace(job, attempt=job.attempt + 1, started_at=at, heartbeat_at=at)
        reporter = DryRunReporter(self._engine, next_attempt, show)
        try:
            job_type = self._registry.get(job.type)
            self._check_owner(job)
            with time_limit(limit) if limit else nullcontext():
                result = self._call(job_type, next_attempt, reporter)
        except SliceEnded:
            reporter.show(RESULT, "It would be requeued here and continue in a new process.")
            return True
        except WaitForAnswer as question:
            reporter.show(RESULT, f"It would ask, and wait for the answer: {question}")
            return True
        except RetryLater as later:
            reporter.show(RESULT, f"It would run again after {later.delay}: {sentence_of(later)}")
            return True
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  (any error of a handler is shown)
            _show_error(error, reporter)
            if debug:
                debug(error)
            return False
        reporter.show(RESULT, "It reported that it failed." if result is False else "It would complete.")
        return result is not False

    def _make_context(self, job: Job, reporter: Reporter, *arguments: Any, **named: Any) -> DryRunContext:
        assert isinstance(reporter, DryRunReporter)  # noqa: S101  (`dry_run` makes it)
        return DryRunContext(reporter.show, job, reporter, *arguments, **named)


def _show_error(error: BaseException, reporter: DryRunReporter) -> None:
    read_only = isinstance(error, DBAPIError) and ("read-only" in str(error) or "readonly" in str(error))
    if not isinstance(error, SELF_EXPLANATORY):
        reporter.show(TRACEBACK, traceback_of(error).rstrip())
    reporter.show(RESULT, _READ_ONLY if read_only else f"It would fail: {sentence_of(error)}")


def _progress_text(values: Mapping[str, Any]) -> str:
    total = "?" if not values.get("total") else f"{values['total']:.15g}"
    amounts = f" ({values['done']:.15g} of {total})" if values.get("done") is not None else ""
    return f"{values['progress']:.4g} %{amounts}"
