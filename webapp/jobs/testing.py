"""A fake `JobContext`, with which a handler is tested without a database, files or a worker.

It is the real context, so progress, warnings, `track`, `batches` and stops follow the same rules. What a real
one would write is kept in attributes instead.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, BinaryIO, cast
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Connection, Engine
from uuid_utils.compat import uuid7

from webapp.jobs.definition.job_type import JobType
from webapp.jobs.definition.lazy_handlers import refuse_lazy_result
from webapp.jobs.execution.context import AnswerClass, JobContext, M
from webapp.jobs.execution.input_files import InputFile, Inputs
from webapp.jobs.execution.reporter import JobCancelled, JobInterrupted, Reporter
from webapp.jobs.execution.steps import StepStore
from webapp.jobs.flows.flow import Flow
from webapp.jobs.flows.predecessors import PartResult, PredecessorFile, PredecessorSource
from webapp.jobs.model.job import SYSTEM, Job, Owner, Status
from webapp.jobs.questions.answer_class import stored
from webapp.jobs.questions.attempt_questions import AnswerStore
from webapp.jobs.questions.question import QuestionDraft
from webapp.jobs.questions.wait_for_answer import WaitForAnswer
from webapp.jobs.store.attachments import Attachment, FileLifetime
from webapp.jobs.store.file_store import FileStore, FoundFile, PartialFile, StoredFile, clean_media_type
from webapp.jobs.store.step_rows import Step

__all__ = ["FakeJobContext", "SpawnedJob", "WaitForAnswer"]

Input = bytes | tuple[str, bytes] | Path
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class SpawnedJob:
    """A child or a dependent that a handler has created; ``choices`` are its options."""

    id: UUID
    type: str
    payload: Any = None
    name: str | None = None
    choices: Mapping[str, Any] = field(default_factory=dict)


class FakeJobContext(JobContext):
    """A job context for unit tests of handlers.

    - ``inputs`` are the uploads by field: the content, a name with the content, or the path of a file; for a
      ``list[Upload]`` a list of them.
    - ``stop_when`` is called at every report; once it returns True, the job is asked to stop.
    - ``steps`` are the results of steps that an earlier attempt has kept, by name. The function of a step in a
      transaction is called with ``connection``.
    - ``results`` are the metadata of predecessors by name, ``result_files`` their files: ``{"fetch": {"a.csv": b""}}``.
    - ``answers`` are the answers to questions by their names: the form or its fields as a mapping; None if nobody
      answers in time. Without one, `ask` returns the default, or raises `WaitForAnswer`.
    - ``seconds`` is the time limit that `batches` divides work by; 0 ends a slice after each item.
    - The other arguments are the fields of the job.

    Afterwards, read `percent`, `done`, `total`, `reports`, `messages`, `warnings`, `errors`, `log_lines`,
    `attachments`, `lifetimes`, `children`, `dependents`, `flows`, `steps`, `questions`, `checkpoints`, `state` and
    `metadata`.
    """

    def __init__(
        self,
        *,
        inputs: Mapping[str, Input | list[Input]] = _NOTHING,
        stop_when: Callable[["FakeJobContext"], bool] | None = None,
        steps: Mapping[str, Any] = _NOTHING,
        connection: Connection | None = None,
        results: Mapping[str, Mapping[str, Any]] = _NOTHING,
        result_files: Mapping[str, Mapping[str, bytes]] = _NOTHING,
        answers: Mapping[str, BaseModel | Mapping[str, Any] | None] = _NOTHING,
        seconds: float | None = None,
        owner: Owner = SYSTEM,
        triggered_by: UUID | None = None,
        type: str = "tested",  # noqa: A002  (the field of a job)
        title: str = "Tested",
        attempt: int = 1,
        max_attempts: int = 1,
        root_id: UUID | None = None,
        state: Mapping[str, Any] = _NOTHING,
        metadata: Mapping[str, Any] = _NOTHING,
        is_dry_run: bool = False,
    ) -> None:
        self._is_dry_run = is_dry_run
        self.children: list[SpawnedJob] = []
        self.dependents: list[SpawnedJob] = []
        self.flows: list[Flow] = []
        self.attachments: dict[str, bytes] = {}
        self.lifetimes: dict[str, timedelta] = {}
        self.questions: list[QuestionDraft] = []  # that were asked and had no answer
        self._kept_steps = _MemorySteps(steps, connection)
        self._answers = _MemoryAnswers(answers)
        self._contents = _MemoryFiles()
        self._memory_predecessors = _MemoryPredecessors(results, result_files, self._contents)
        self._notes = _MemoryReporter(
            Job(
                id=uuid7(),
                type=type,
                title=title,
                status=Status.RUNNING,
                owner=owner,
                triggered_by=triggered_by,
                attempt=attempt,
                max_attempts=max_attempts,
                root_id=root_id,
                state=dict(state),
                metadata=dict(metadata),
                heartbeat_at=datetime.now(UTC),
            ),
            lambda: stop_when is not None and stop_when(self),
        )
        super().__init__(
            self._notes.job,
            self._notes,
            self._contents,
            inputs=Inputs({name: self._contents.add_all(name, given) for name, given in inputs.items()}),
            keep_files=timedelta(days=1),
            creator=_Creator(self),
            seconds=seconds,
        )

    def run(self, handler: JobType | Callable[..., Any], payload: Any = None, **services: Any) -> Any:
        """Run a handler to its end, as a worker does, and return its result; what it raises is raised.

        A mapping is parsed as the payload of a job type. A stop that the handler has seen is raised, even if
        the handler has returned.
        """
        if isinstance(handler, JobType) and (payload is None or isinstance(payload, Mapping)):
            payload = handler.parse(payload or {}, strict=True)
        function = handler.handler if isinstance(handler, JobType) else handler
        result = function(self, payload, **services)
        refuse_lazy_result(result, function)
        self.end()
        return result

    @property
    def is_dry_run(self) -> bool:
        """What the test has chosen; all effects that Deskjob knows stay in memory in any case."""
        return self._is_dry_run

    def request_stop(self) -> None:
        """Ask the job to stop: the next report raises `JobCancelled`."""
        self._notes.stop = JobCancelled()

    def interrupt(self) -> None:
        """Let the worker stop: the next report raises `JobInterrupted`, and the job would be handed back."""
        self._notes.stop = JobInterrupted()

    @property
    def percent(self) -> float:
        """The progress in per cent."""
        return float(self._amounts()["progress"] if self._notes.live_amount else self._percent)

    @property
    def done(self) -> float | None:
        """The last amount that was reported as done."""
        return self._notes.latest("done")

    @property
    def total(self) -> float | None:
        """The last total that was reported."""
        return self._notes.latest("total")

    @property
    def reports(self) -> Sequence[Mapping[str, Any]]:
        """Every report with its values: ``progress``, ``done``, ``total``, ``message``, ``state``, ``metadata``."""
        return self._notes.reports

    @property
    def messages(self) -> Sequence[str]:
        """Every message, in order."""
        return [report["message"] for report in self.reports if "message" in report]

    @property
    def warnings(self) -> Sequence[str]:
        """The texts of the warnings."""
        return self._notes.texts("warnings")

    @property
    def errors(self) -> Sequence[str]:
        """The texts of the errors that the handler has added; what it raises is not among them."""
        return self._notes.texts("errors")

    @property
    def log_lines(self) -> Sequence[tuple[str, str]]:
        """The level and the text of every log line."""
        return self._notes.log_lines

    @property
    def steps(self) -> Mapping[str, Any]:
        """The results of all steps by name, in order."""
        return {name: step.result for name, step in self._kept_steps.kept().items()}

    @property
    def checkpoints(self) -> Sequence[Mapping[str, Any]]:
        """Every saved state, in order."""
        return [report["state"] for report in self.reports if "state" in report]

    @property
    def _named_children(self) -> dict[str, UUID]:
        return {child.name: child.id for child in self.children if child.name is not None}

    def _step_store(self) -> StepStore:
        return self._kept_steps

    def _predecessor_source(self) -> PredecessorSource:
        return self._memory_predecessors

    def _answer_store(self) -> AnswerStore:
        return self._answers

    def _wait_for_answer(self, model: AnswerClass[M], question: WaitForAnswer) -> M:
        self.questions.append(question.draft)
        if question.draft.default is not None:
            return model.model_validate(question.draft.default)
        raise self._notes.deliver(question)

    def _add_file_row(self, file: StoredFile, lifetime: FileLifetime) -> None:
        self.attachments[file.name] = self._contents.content(file.id)
        self.lifetimes.pop(file.name, None)
        if lifetime.own is not None:
            self.lifetimes[file.name] = lifetime.own


class _MemoryPredecessors:
    """Returns the predecessors that a test has described, all completed and without children."""

    def __init__(
        self,
        results: Mapping[str, Mapping[str, Any]],
        files: Mapping[str, Mapping[str, bytes]],
        store: "_MemoryFiles",
    ) -> None:
        names = dict.fromkeys((*results, *files))
        self._rows = [
            SimpleNamespace(id=uuid7(), name=name, type="tested", status="completed", metadata=results.get(name, {}))
            for name in names
        ]
        self._files = {
            row.id: {
                name: PredecessorFile(store, store.receive(BytesIO(content), name))
                for name, content in files.get(row.name, {}).items()
            }
            for row in self._rows
        }

    def predecessors(self) -> Sequence[Any]:
        return self._rows

    def files(self) -> Mapping[UUID, Mapping[str, PredecessorFile]]:
        return self._files

    def parts(self) -> Mapping[UUID, Sequence[PartResult]]:
        return {}


class _MemorySteps:
    """Keeps steps that `StoredSteps` would write."""

    def __init__(self, results: Mapping[str, Any], connection: Connection | None) -> None:
        at = datetime.now(UTC)
        self._connection = connection
        self._steps = {
            name: Step(name=name, place=place, attempt=1, started_at=at, finished_at=at, result=result)
            for place, (name, result) in enumerate(results.items(), 1)
        }

    def kept(self) -> Mapping[str, Step]:
        return self._steps

    def keep(self, step: Step) -> None:
        self._steps[step.name] = step

    def keep_in_transaction(self, name: str, run: Callable[[Connection], Step]) -> Step:  # noqa: ARG002
        step = run(cast(Connection, self._connection))
        self.keep(step)
        return step


class _MemoryAnswers:
    """Has the answers that `StoredAnswers` would read."""

    def __init__(self, answers: Mapping[str, BaseModel | Mapping[str, Any] | None]) -> None:
        self._answers = {
            name: stored(answer) if isinstance(answer, BaseModel) else answer for name, answer in answers.items()
        }

    def kept(self) -> Mapping[str, Mapping[str, Any] | None]:
        return self._answers


class _MemoryReporter(Reporter):
    """Keeps the reports that `Reporter` would write."""

    def __init__(self, job: Job, must_stop: Callable[[], bool]) -> None:
        self.job = job
        self.reports: list[Mapping[str, Any]] = []
        self.log_lines: list[tuple[str, str]] = []
        self._must_stop = must_stop
        self._stop: BaseException | None = None
        super().__init__(cast(Engine, None), job)

    @property
    def stop(self) -> BaseException | None:
        """What the next report raises."""
        if self._stop is None and self._must_stop():
            self._stop = JobCancelled()
        return self._stop

    @stop.setter
    def stop(self, stop: BaseException | None) -> None:
        self._stop = stop

    def set_values(self, **values: Any) -> None:
        """Keep the new values of columns, cleaned as they would be stored."""
        super().set_values(**values)
        self.reports.append({name: deepcopy(self._values[name]) for name in values})

    def log(self, level: str, text: str) -> None:
        """Keep a log line."""
        super().log(level, text)
        self.log_lines += [(line_level, line) for _, line_level, line in self._lines]
        self._lines.clear()

    def latest(self, column: str) -> float | None:
        """Return the last amount in a column; None if it was not reported."""
        value = self._values.get(column)
        return None if value is None else float(value)

    def texts(self, column: str) -> list[str]:
        """Return the texts of the warnings or the errors."""
        return [str(note["text"]) for note in self._values.get(column, ())]

    def read_stop_flag(self) -> bool:
        """Return whether the job was asked to stop."""
        return isinstance(self.stop, JobCancelled)

    def flush(self) -> None:
        """Do nothing: everything is kept."""

    def _ensure_thread(self) -> None:
        """Do nothing: no thread is needed."""


class _Creator:
    """Keeps the jobs that a handler creates."""

    def __init__(self, context: FakeJobContext) -> None:
        self._context = context

    def child_of(self, root: Job, type_name: str, payload: Any, name: str | None, choices: Mapping[str, Any]) -> Job:
        child = Job(id=uuid7(), type=type_name, title=type_name, status=Status.HELD, root_id=root.id)
        spawned = SpawnedJob(id=child.id, type=type_name, payload=payload, name=name, choices=dict(choices))
        self._context.children.append(spawned)
        return child

    def add_children(self, root: Job, children: Sequence[Job], *, again: bool = False) -> None:
        """Do nothing: `child_of` keeps them."""

    def create_job(self, type_name: str, payload: Any = None, **choices: Any) -> Job:
        job = Job(id=uuid7(), type=type_name, title=type_name, status=Status.HELD)
        self._context.dependents.append(SpawnedJob(id=job.id, type=type_name, payload=payload, choices=choices))
        return job

    def start_flow_of(self, job: Job, flow: Flow) -> UUID:  # noqa: ARG002  (the only one)
        flow.check()
        flow.id = uuid7()
        for each in flow.jobs:
            each.id = uuid7()
        self._context.flows.append(flow)
        return flow.id


class _MemoryFiles(FileStore):
    """Keeps files in memory."""

    def __init__(self) -> None:
        self._by_id: dict[UUID, bytes] = {}
        self._paths: dict[UUID, Path] = {}

    def add_all(self, field_name: str, given: Input | list[Input]) -> list[tuple[str, InputFile]]:
        """Add the input files of a field, with their names."""
        contents = given if isinstance(given, list) else [given]
        return [(file.name, file) for file in (self.add(field_name, content) for content in contents)]

    def add(self, field_name: str, given: Input) -> InputFile:
        """Add an input file; one on disk is not read before the handler does."""
        if isinstance(given, Path):
            stored = StoredFile(
                id=uuid7(),
                name=given.name,
                media_type=clean_media_type(None, given.name),
                size=given.stat().st_size,
                sha256="",
            )
            self._paths[stored.id] = given
        else:
            name, content = (field_name, given) if isinstance(given, bytes) else given
            stored = self.receive(BytesIO(content), name)
        return InputFile(self, cast(Attachment, stored))

    def new_file(self, limit: int | None = None, *, file_id: UUID | None = None) -> PartialFile:
        """Return a file in memory."""
        return _MemoryFile(self, limit, file_id)

    def keep(self, file_id: UUID, content: bytes) -> None:
        """Keep a complete file."""
        self._by_id[file_id] = content

    def content(self, file_id: UUID) -> bytes:
        """Return the content of a file."""
        return self._by_id[file_id]

    def open(self, file_id: UUID) -> BinaryIO:
        """Open a file for reading."""
        return self._paths[file_id].open("rb") if file_id in self._paths else BytesIO(self._by_id[file_id])

    def has(self, file_id: UUID) -> bool:
        """Return whether there is a file."""
        return file_id in self._by_id or file_id in self._paths

    def remove(self, file_id: UUID) -> None:
        """Remove a file."""
        self._by_id.pop(file_id, None)

    def link(self, file_id: UUID) -> UUID:
        """Return a second id for a file."""
        self._by_id[new_id := uuid7()] = self._by_id[file_id]
        return new_id

    def stage(self, user_id: UUID, file_id: UUID) -> None:
        """Do nothing: no form is submitted."""

    def staged(self, user_id: UUID) -> list[tuple[UUID, int]]:  # noqa: ARG002
        """Return none."""
        return []

    def remove_staged(self, user_id: UUID, file_id: UUID) -> None:
        """Do nothing."""

    def files(self, older_than: timedelta, now: float) -> Iterator[FoundFile]:  # noqa: ARG002
        """Return none: they end with the test."""
        return iter(())

    def remove_found(self, found: FoundFile) -> None:
        """Do nothing."""


class _MemoryFile(PartialFile):
    """A file that is being written in memory."""

    def __init__(self, files: _MemoryFiles, limit: int | None, file_id: UUID | None) -> None:
        super().__init__(limit, file_id)
        self._files = files
        self._content = bytearray()

    def discard(self) -> None:
        """Do nothing: it is not on disk."""

    def _append(self, data: bytes) -> None:
        self._content += data

    def _complete(self) -> None:
        self._files.keep(self.id, bytes(self._content))
