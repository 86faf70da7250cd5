"""JobContext: everything that a running handler can do with its job."""

import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from functools import cached_property
from math import isfinite
from operator import length_hint
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TypeAlias, TypeVar, cast
from uuid import UUID, uuid4

from pydantic import BaseModel

from webapp.db.engine import reading, writing
from webapp.db.retry import retry_while_away
from webapp.fault_injection import faultpoint
from webapp.jobs.execution.batches import SIZE, BatchContext, SliceEnded, SliceLimit, iterate_batches
from webapp.jobs.execution.handler_errors import RetryLater
from webapp.jobs.execution.input_files import Inputs
from webapp.jobs.execution.reporter import Reporter, job_logger
from webapp.jobs.execution.steps import Steps, StepStore, StoredSteps
from webapp.jobs.flows.flow import Flow
from webapp.jobs.flows.predecessors import Predecessors, PredecessorSource, StoredPredecessors
from webapp.jobs.model import json_values
from webapp.jobs.model.job import Job, Owner
from webapp.jobs.model.policies import LONGEST_DELAY
from webapp.jobs.model.progress import from_amounts
from webapp.jobs.model.shown_results import ShownFile, chart_file, link_file, markdown_file, table_file
from webapp.jobs.questions.wait_for_answer import WaitForAnswer
from webapp.jobs.store.attachments import FileLifetime, remove_replaced
from webapp.jobs.store.fence import Fence, LeaseLost, add_output, has_file, report
from webapp.jobs.store.file_store import Content, FileStore, StoredFile
from webapp.jobs.store.job_store import JobStore

if TYPE_CHECKING:
    from webapp.jobs.questions.attempt_questions import AnswerStore, Questions
    from webapp.jobs.questions.question import Respondent

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
AnswerClass: TypeAlias = type[M]  # in the class, `type` is a property
CHILDREN_AT_ONCE = 500
STATE_LIMIT = json_values.JSON_LIMIT
StateTooLarge = json_values.TooLarge


class JobCreator(Protocol):
    """Creates the children, the dependents and the flows of a running job."""

    def child_of(self, root: Job, type_name: str, payload: Any, name: str | None, choices: Mapping[str, Any]) -> Job:
        """Validate a child and return it without writing it."""

    def add_children(self, root: Job, children: Sequence[Job], *, again: bool = False) -> None:
        """Write held children; raises `LeaseLost` if the attempt is no longer the root's current one."""

    def create_job(self, type_name: str, payload: Any = None, **choices: Any) -> Job:
        """Create a job."""

    def start_flow_of(self, job: Job, flow: Flow) -> UUID:
        """Start a flow, once for each job and title; raises `LeaseLost` as `add_children` does."""


class JobContext:
    """The first argument of a handler: access to its job and ways to report about it.

    Every report (`progress`, `track`, `message`, …) raises `JobCancelled` when the job was asked to
    stop. Do not catch it: the executor handles it.
    """

    def __init__(
        self,
        job: Job,
        reporter: Reporter,
        files: FileStore,
        *,
        inputs: Inputs,
        keep_files: timedelta,
        creator: JobCreator,
        memory: int | None = None,
        seconds: float | None = None,
        retry_seconds: float = 0.0,
    ) -> None:
        self._job = job
        self._reporter = reporter
        self._files = files
        self._keep_files = keep_files
        self._creator = creator
        self._memory = memory  # bytes and seconds that one work-horse can use for slices of this job
        self._seconds = seconds
        self._retry_seconds = retry_seconds  # how long writes are retried while the database is away
        self._children: list[Job] = []
        self._unused: Counter[str] = Counter()  # calls whose results nobody has used yet, with their places
        self._percent = job.progress  # of the slices before
        self._count: float = 0
        self._total: float | None = None
        self.inputs = inputs
        self.state: dict[str, Any] = dict(job.state)
        self._metadata: dict[str, Any] = dict(job.metadata)

    @property
    def id(self) -> UUID:
        """The job's id. It is the same in all attempts, so it can serve as an idempotency key."""
        return self._job.id

    @property
    def type(self) -> str:
        """The name of the job's type."""
        return self._job.type

    @property
    def root_id(self) -> UUID | None:
        """The id of the job that spawned this one; None for a root."""
        return self._job.root_id

    @property
    def title(self) -> str:
        """The job's title."""
        return self._job.title

    @property
    def owner(self) -> Owner:
        """The owner, with whose permissions the handler runs."""
        return self._job.owner

    @property
    def triggered_by(self) -> UUID | None:
        """The user who started the job; None for the system."""
        return self._job.triggered_by

    @property
    def attempt(self) -> int:
        """The number of this attempt; the first is 1. Slices and interruptions use up none."""
        return self._job.attempt_number

    @property
    def max_attempts(self) -> int:
        """How many attempts the job has. A retry by a user adds as many as its type allows."""
        return self._job.attempts_allowed

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The job's metadata, as it was at the start of the attempt or as `save_metadata` last set it."""
        return MappingProxyType(self._metadata)

    @property
    def fencing_token(self) -> int:
        """A number that rises with every start of the job; another system can refuse writes of an older one."""
        return self._job.attempt

    @property
    def is_dry_run(self) -> bool:
        """Whether this is a dry run: the handler must leave out effects on other systems."""
        return False

    @property
    def stop_requested(self) -> bool:
        """Whether the job was asked to stop. If so, return soon, or let the next report raise.

        A handler that has seen True has stopped, no matter what it returns: the job is cancelled, or handed back
        if its worker stops.
        """
        self._reporter.watch_stop_flag()
        if self._reporter.stop is None:
            return False
        self._reporter.deliver(self._reporter.stop)
        return True

    @cached_property
    def logger(self) -> logging.Logger:
        """A logger that writes to the job's log."""
        return job_logger(self._job.type, self._reporter)

    def progress(
        self,
        percent: float | None = None,
        *,
        done: float | None = None,
        total: float | None = None,
        message: str | None = None,
    ) -> None:
        """Report progress: per cent (0 to 100), or ``done`` of ``total``. Progress never decreases.

        With an unknown total it approaches 95 per cent. ``message=None`` keeps the last message.
        """
        values: dict[str, Any] = {} if message is None else {"message": message}
        if done is not None:
            done, total = _amount(done), None if total is None else _amount(total)
            values |= {"done": done, "total": total}
            percent = from_amounts(self._percent, done, total)
        elif percent is not None and not 0.0 <= percent <= 100.0:  # noqa: PLR2004
            text = f"Progress must be between 0 and 100 per cent, not {percent!r}."
            raise ValueError(text)
        if percent is not None:
            self._percent = max(self._percent, percent)
            values["progress"] = self._percent
        self._report(**values)

    def message(self, text: str) -> None:
        """Report what the job is doing now."""
        self._report(message=text)

    def track(self, items: Iterable[T], total: float | None = None) -> Iterator[T]:
        """Iterate over ``items`` and report how many are done; ``total`` defaults to their length.

        The cost per item is lower than that of a progress bar on a terminal.
        """
        total = None if total is None else _amount(total)
        return self._track(items, total, self._note_call("track", expected=length_hint(items, 1) > 0))

    def batches(self, fetch: Callable[[int, int], Sequence[T]], total: int, *, size: int = SIZE) -> Iterator[T]:
        """Iterate over ``total`` items in slices of ``size``, from the checkpoint on; see `batches`.

        ``fetch(start, count)`` returns a range of the items, always in the same order.
        """
        return self._batches(fetch, total, size, self._note_call("batches", expected=total > 0))

    def warn(self, text: str, key: str = "", **parameters: Any) -> None:
        """Add a warning, which the owner sees; the job continues.

        ``key`` names a translation that the parameters fill; without one, ``text`` is shown.
        """
        self._reporter.add_diagnostic("warnings", text, key, parameters)
        self._raise_if_stopped()

    def error(self, text: str, key: str = "", **parameters: Any) -> None:
        """Add an error, as `warn` adds a warning; the job continues. To fail the job, raise `JobError`."""
        self._reporter.add_diagnostic("errors", text, key, parameters)
        self._raise_if_stopped()

    def save_state(self, state: Mapping[str, Any] | None = None) -> None:
        """Write the checkpoint from which the next attempt starts, `state` by default, immediately.

        Raises `NotStorable` if it is not JSON or exceeds `STATE_LIMIT` bytes.
        """
        if state is not None:
            self.state = dict(state)
        self._report(state=json_values.check_json(self.state, "The state of a job"))
        retry_while_away(self._reporter.flush, seconds=self._retry_seconds)

    def save_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Replace the job's metadata, which belongs to the application; raises `NotStorable` as `save_state` does."""
        self._metadata = json_values.check_json(metadata, "The metadata of a job")
        self._report(metadata=self._metadata)

    def step(self, name: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Call ``function(*arguments, **options)`` once for this job, and return its result as JSON values.

        The result is kept with the job: a later attempt, also after a crash or a retry by a user, gets it without
        calling the function. If the process dies between the end of the function and the write of its result, the
        function runs again, so effects on other systems must bear that; `step_in_transaction` does not repeat what it
        writes. ``name`` is unique among the steps of a job. Raises `NotStorable` if the result is not JSON of at most
        64 KiB, and ``ValueError`` for a name that is used twice.
        """
        return self._run_step(lambda: self._steps.run(name, lambda: function(*arguments, **options)))

    def step_in_transaction(self, name: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Call ``function(connection, *arguments, **options)`` exactly once for this job, in a transaction.

        What the function writes through the SQLAlchemy connection, to tables in the database of Deskjob, is committed
        together with its result, or not at all. Keep it short: SQLite has no other writer meanwhile. The rest is
        as for `step`.
        """
        return self._run_step(
            lambda: self._steps.run_in_transaction(name, lambda opened: function(opened, *arguments, **options))
        )

    def ask(
        self,
        model: AnswerClass[M],
        text: str,
        *,
        name: str | None = None,
        to: "UUID | str | Respondent | None" = None,
        until: datetime | timedelta | None = None,
        default: M | None = None,
        remind: timedelta | None = timedelta(days=1),
    ) -> M:
        """Ask a person, and return the answer in the class ``model``, whose fields are the form.

        The first call ends the attempt, which uses up none: the job waits, and its worker is free. When somebody has
        answered, the handler starts again, from its checkpoint, and this call returns the answer. So what comes before
        it must bear to run again; `step` and `save_state` help. The text is shown as it is, so secrets do not belong
        there.

        ``to`` is the id of a user, a role ("operator" and everybody above), or a `Respondent`; without it the owner of
        the job. ``until`` is when or after which time nobody can answer any more: then the call returns ``default``,
        or raises `NotAnswered`, which fails the job unless the handler catches it. ``remind`` is how often an open
        question is reported again. ``name`` is unique among the questions of a job, by default the text. Raises
        ``ValueError`` for a question that could not be asked.
        """
        self._raise_if_stopped()
        try:
            return self._questions.ask(
                model, text, name=name, to=to, until=until, default=default, remind=remind, mask=self._reporter.mask
            )
        except WaitForAnswer as question:
            return self._wait_for_answer(model, question)

    def retry_later(self, delay: timedelta, reason: str, *, counts: bool = True) -> RetryLater:
        """Return an exception to raise: the job runs again after ``delay``. Users read the ``reason`` meanwhile.

        By default this uses up an attempt and works like a retry: the job fails with the reason if it was the
        last one, and starts again from its checkpoint with no progress. With ``counts=False`` the same attempt
        continues later, as between two slices: its progress and its children are kept. A job can be postponed
        in this way `MAX_POSTPONEMENTS` times.
        """
        if not isinstance(delay, timedelta) or not timedelta(0) <= delay <= LONGEST_DELAY:
            text = f"The delay of a retry must be a timedelta from 0 to ten years, not {delay!r}."
            raise ValueError(text)
        if not isinstance(reason, str) or not reason.strip():
            text = "A retry needs a reason that users can read."
            raise ValueError(text)
        later = RetryLater(delay, reason, counts=counts)
        self._reporter.deliver(later)  # even if it is not raised
        return later

    def open_attachment(
        self, name: str, media_type: str | None = None, *, keep: timedelta | None = None
    ) -> AbstractContextManager[BinaryIO]:
        """Write an output file. It appears when the block ends, and not at all if the block raises.

        It replaces an older output file of the same name, for example one of an earlier attempt. ``keep`` is how
        long it is kept, if not as long as the type's other files (``keep_files``). It is deleted with its job at
        the latest.
        """
        lifetime = FileLifetime(self._keep_files, keep)
        return self._open_attachment(name, media_type, lifetime, self._note_call("open_attachment"))

    def attach(self, name: str, data: Content, media_type: str | None = None, *, keep: timedelta | None = None) -> None:
        """Add an output file from a text (stored as UTF-8), from bytes, or streamed from an open file.

        It replaces an older one of its name, and is kept for ``keep``, as that of `open_attachment`.
        """
        lifetime = FileLifetime(self._keep_files, keep)
        file = self._files.receive(data, self._reporter.mask.text(name), media_type=media_type)
        self._add_file_row(file, lifetime)

    def show_table(self, title: str, rows: Iterable[Any], columns: Sequence[str] | None = None) -> None:
        """Show a table on the job's page: its first rows, sortable, and a CSV file to download.

        ``rows`` are sequences of cells, or mappings by column. At most 10,000 rows of 100 columns are kept. The file
        is stored as that of `attach`: a newer table of the same title replaces it, as newer texts and charts do.
        """
        self._show_result(table_file(title, rows, columns))

    def show_markdown(self, title: str, text: str) -> None:
        """Show a text in Markdown on the job's page, without HTML and pictures."""
        self._show_result(markdown_file(title, text))

    def show_chart(
        self,
        title: str,
        labels: Iterable[Any],
        series: Mapping[str, Iterable[float | None]] | Iterable[float | None],
        *,
        kind: str = "bar",
        unit: str = "",
    ) -> None:
        """Show a chart on the job's page: a "bar" or "line" with one value per label; None is a gap.

        ``series`` are the values, or up to six named series of values. At most 500 labels are kept.
        """
        self._show_result(chart_file(title, labels, series, kind=kind, unit=unit))

    def link(self, text: str, address: str) -> None:
        """Show a link on the job's page: to a web page, a ``mailto:`` address or a path of this installation."""
        self._show_result(link_file(text, address))

    def spawn(self, type_name: str, payload: Any = None, *, name: str | None = None, **choices: Any) -> UUID:
        """Create a child of this job. It can start when this handler has returned and all children are written.

        ``name`` is unique among the children: an existing child of that name is not created again, and its id is
        returned. ``choices`` are ``title``, ``queue``, ``priority``, ``unique_key``, ``max_attempts``,
        ``tolerant`` and ``run_at``. A child cannot have children.
        """
        if name is not None and (existing := self._named_children.get(name)):
            return existing
        child = self._creator.child_of(self._job, type_name, payload, name, self._with_masked_title(choices))
        if name is not None:
            self._named_children[name] = child.id
        self._children.append(child)
        if len(self._children) >= CHILDREN_AT_ONCE:
            self.flush_children()
        return child.id

    def flush_children(self) -> None:
        """Write the spawned children that were not written yet."""
        if self._children:
            children, self._children = self._children, []
            retry_while_away(
                lambda: self._creator.add_children(self._job, children),
                again=lambda: self._creator.add_children(self._job, children, again=True),
                seconds=self._retry_seconds,
            )

    def after(self, type_name: str, payload: Any = None, *, on_finish: bool = False, **choices: Any) -> UUID:
        """Create a job that starts when this one has completed, or with ``on_finish`` when it has ended in any way.

        Raises `LeaseLost` if another attempt of this job has started.
        """
        retry_while_away(self._reporter.read_stop_flag, seconds=self._retry_seconds)
        options = {
            "owner": self._job.owner,
            "triggered_by": self._job.triggered_by,
            "request_key": uuid4().hex,
            **self._with_masked_title(choices),
        }

        def create() -> UUID:
            return self._creator.create_job(type_name, payload, after=[self._job.id], on_finish=on_finish, **options).id

        # the request key keeps a retry from creating a second job when only the answer was lost
        return retry_while_away(create, seconds=self._retry_seconds)

    @contextmanager
    def flow(self, title: str) -> Iterator[Flow]:
        """Describe a flow of jobs in the block, with `Flow.spawn` and `FlowJob.after`; it is started when that ends.

        All its jobs are created in one transaction, or none if the block raises. They belong to the owner of this job,
        and start without waiting for it. The ``title`` names the flow: a later attempt that describes a flow of the
        same title starts nothing again, and its ids are those of the first. Raises `InvalidFlow`.
        """
        flow = Flow(self._reporter.mask.text(title))
        yield flow
        for each in flow.jobs:
            each.choices = self._with_masked_title(each.choices)
        self._raise_if_stopped()
        self._start_flow(flow)

    @cached_property
    def predecessors(self) -> Predecessors:
        """The jobs that this one follows, by their names in the flow; read when somebody asks for one of them.

        Only those of the same owner, and public ones.
        """
        return Predecessors(self._predecessor_source())

    def results_of(self, name: str) -> Mapping[str, Any]:
        """Return what a predecessor has written with `save_metadata`; raises `NotAPredecessor`, a ``KeyError``."""
        return self.predecessors[name].result

    def end(self) -> None:
        """End the work of a handler that has returned; raises the stop that it has seen or swallowed, if any."""
        if self._reporter.delivered:
            raise self._reporter.delivered
        for call, count in self._unused.items():
            if count > 0:
                text = f"job.{call} was called, but its result was never used, so it did nothing."
                self._reporter.add_diagnostic("warnings", text)
        self.flush_children()

    def _track(self, items: Iterable[T], total: float | None, call: str) -> Iterator[T]:
        self._unused[call] -= 1
        reporter = self._reporter
        outer = self._count, self._total, reporter.live_amount  # of an enclosing `track`
        self._count, self._total = 0, total if total is not None else (length_hint(items) or None)
        reporter.live_amount = self._amounts
        reporter.watch_stop_flag()
        count = 0
        try:
            for item in items:
                yield item
                count += 1
                self._count = count
                if reporter.stop:
                    raise reporter.deliver(reporter.stop)
        finally:
            reporter.set_values(**self._amounts())
            self._count, self._total, reporter.live_amount = outer
        self._raise_if_stopped()

    def _batches(self, fetch: Callable[[int, int], Sequence[T]], total: int, size: int, call: str) -> Iterator[T]:
        self._unused[call] -= 1
        limit = SliceLimit(memory=self._memory, seconds=self._seconds, started=self._reporter.started)
        try:
            yield from iterate_batches(cast(BatchContext, self), fetch, total, size=size, limit=limit)
        except SliceEnded as ended:
            raise self._reporter.deliver(ended) from None

    @contextmanager
    def _open_attachment(
        self, name: str, media_type: str | None, lifetime: FileLifetime, call: str
    ) -> Iterator[BinaryIO]:
        self._unused[call] -= 1
        with self._files.new_file() as draft:
            file = draft.writer()
            yield cast(BinaryIO, file)
            if not file.closed:
                file.flush()
            self._add_file_row(draft.keep(self._reporter.mask.text(name), media_type), lifetime)

    def _run_step(self, run: Callable[[], T]) -> T:
        self._raise_if_stopped()
        result = run()
        self._raise_if_stopped()  # the step is kept
        return result

    def _wait_for_answer(self, model: AnswerClass[M], question: WaitForAnswer) -> M:  # noqa: ARG002
        raise self._reporter.deliver(question)

    @cached_property
    def _questions(self) -> "Questions":
        from webapp.jobs.questions.attempt_questions import Questions  # noqa: PLC0415  (few jobs ask)

        return Questions(self._answer_store(), self._job.owner, self._reporter.now)

    def _answer_store(self) -> "AnswerStore":
        from webapp.jobs.questions.attempt_questions import StoredAnswers  # noqa: PLC0415  (few jobs ask)

        return StoredAnswers(self._reporter.engine, self._job, self._retry_seconds)

    @cached_property
    def _steps(self) -> Steps:
        return Steps(self._step_store(), self._job.attempt, self._reporter.now)

    def _start_flow(self, flow: Flow) -> None:
        retry_while_away(lambda: self._creator.start_flow_of(self._job, flow), seconds=self._retry_seconds)

    def _predecessor_source(self) -> PredecessorSource:
        return StoredPredecessors(self._reporter.engine, self._job, self._files, self._retry_seconds)

    def _step_store(self) -> StepStore:
        fence = Fence(job_id=self._job.id, attempt=self._job.attempt)
        return StoredSteps(self._reporter.engine, fence, self._retry_seconds)

    @cached_property
    def _named_children(self) -> dict[str, UUID]:
        """The ids of the named children: those of earlier attempts and, from then on, those of this one."""
        store = JobStore(self._reporter.engine)
        return retry_while_away(lambda: store.named_children(self._job.id), seconds=self._retry_seconds)

    def _show_result(self, shown: ShownFile) -> None:
        for sentence in shown.cut:
            self._reporter.add_diagnostic("warnings", sentence)
        self.attach(shown.name, self._reporter.mask.text(shown.content), shown.media_type)

    def _add_file_row(self, file: StoredFile, lifetime: FileLifetime) -> None:
        try:
            replaced = retry_while_away(
                lambda: self._add_row(file, lifetime),
                again=lambda: self._add_row(file, lifetime, again=True),
                seconds=self._retry_seconds,
            )
        except LeaseLost:
            if not self._has_row(file):
                self._files.remove(file.id)
            raise  # after any other error the row may exist; if it does not, the orphan sweep removes the file
        for file_id in replaced:
            self._files.remove(file_id)

    def _add_row(self, file: StoredFile, lifetime: FileLifetime, *, again: bool = False) -> tuple[UUID, ...]:
        fence = Fence(job_id=self._job.id, attempt=self._job.attempt)
        with writing(self._reporter.engine) as connection:
            if not (again and has_file(connection, file.id)):
                add_output(connection, fence, file, lifetime)
            replaced = remove_replaced(connection, fence.job_id, fence.attempt, file)
            report(connection, fence, {})  # a new version, so that pages see the file
            faultpoint("file.row")
        return replaced

    def _with_masked_title(self, choices: Mapping[str, Any]) -> Mapping[str, Any]:
        title = choices.get("title")
        return {**choices, "title": self._reporter.mask.text(title)} if isinstance(title, str) else choices

    def _has_row(self, file: StoredFile) -> bool:
        with reading(self._reporter.engine) as connection:
            return has_file(connection, file.id)

    def _note_call(self, name: str, *, expected: bool = True) -> str:
        """Count a call whose result does the work; the count falls again when that begins."""
        frame = sys._getframe(2)  # noqa: SLF001  (the handler's; `inspect` is the same and slower)
        call = f"{name} ({Path(frame.f_code.co_filename).name}:{frame.f_lineno})"
        call = call if expected else ""
        self._unused[call] += expected
        return call

    def _amounts(self) -> dict[str, Any]:
        self._percent = max(self._percent, from_amounts(self._percent, self._count, self._total))
        return {"done": self._count, "total": self._total, "progress": self._percent}

    def _report(self, **values: Any) -> None:
        self._reporter.set_values(**values)
        self._raise_if_stopped()

    def _raise_if_stopped(self) -> None:
        if self._reporter.stop:
            raise self._reporter.deliver(self._reporter.stop)


def _amount(value: float) -> float:
    amount = float(value)
    if not isfinite(amount):
        text = f"An amount must be a finite number, not {amount}."
        raise ValueError(text)
    return amount
