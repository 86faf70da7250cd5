"""JobContext: all that a running handler may do."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from io import BytesIO
from operator import length_hint
from typing import Any, BinaryIO, Protocol, TypeVar, cast
from uuid import UUID, uuid4

from webapp.db.engine import reading, writing
from webapp.db.retry import retry_while_away
from webapp.fault_injection import faultpoint
from webapp.jobs.execution.batches import SIZE, BatchContext, SliceLimit, iterate_batches
from webapp.jobs.execution.input_files import InputFile
from webapp.jobs.execution.reporter import Reporter, job_logger
from webapp.jobs.model import json_values
from webapp.jobs.model.job import Job, Owner
from webapp.jobs.model.progress import from_amounts
from webapp.jobs.store.fence import Fence, LeaseLost, add_output, has_file, report
from webapp.jobs.store.file_store import FileStore, StoredFile

T = TypeVar("T")
CHILDREN_AT_ONCE = 500
STATE_LIMIT = json_values.JSON_LIMIT
StateTooLarge = json_values.TooLarge


class JobCreator(Protocol):
    """What makes the children and the dependents of a running job."""

    def child_of(self, root: Job, type_name: str, payload: Any, name: str | None, choices: Mapping[str, Any]) -> Job:
        """Return a child as a value, checked, not yet written."""

    def add_children(self, root: Job, children: Sequence[Job], *, again: bool = False) -> None:
        """Write children, held, if the attempt still holds the root; else `LeaseLost`."""

    def create_job(self, type_name: str, payload: Any = None, **choices: Any) -> Job:
        """Make a job."""


class JobContext:
    """What a handler gets as its first argument: its job, and the ways to speak about it.

    Every word (`progress`, `track`, `message`, …) raises `JobCancelled` once the job was asked
    to stop; let it pass, the executor knows what to do.
    """

    def __init__(
        self,
        job: Job,
        reporter: Reporter,
        files: FileStore,
        *,
        inputs: Mapping[str, InputFile],
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
        self._memory = memory  # bytes and seconds that one work-horse may use for slices of this job
        self._seconds = seconds
        self._retry_seconds = retry_seconds  # seconds that a word waits for a database that is away
        self._children: list[Job] = []
        self._percent = 0.0
        self._count: float = 0
        self._total: float | None = None
        self.inputs = inputs
        self.state: dict[str, Any] = dict(job.state)

    @property
    def id(self) -> UUID:
        """The job's id, the same in all attempts: use it as an idempotency key."""
        return self._job.id

    @property
    def title(self) -> str:
        """The job's name."""
        return self._job.title

    @property
    def owner(self) -> Owner:
        """Whose rights the handler has."""
        return self._job.owner

    @property
    def triggered_by(self) -> UUID | None:
        """Who asked for the job; None for the system itself."""
        return self._job.triggered_by

    @property
    def attempt(self) -> int:
        """Which try this is; the first is 1."""
        return self._job.attempt

    @property
    def stop_requested(self) -> bool:
        """Somebody asked the job to stop: end soon, by returning or by the next word."""
        self._reporter.watch_stop_flag()
        return self._reporter.stop is not None

    @cached_property
    def logger(self) -> logging.Logger:
        """A logger whose lines land in the job's log."""
        return job_logger(self._job.type, self._reporter)

    def progress(
        self,
        percent: float | None = None,
        *,
        done: float | None = None,
        total: float | None = None,
        message: str | None = None,
    ) -> None:
        """Say how far it is: per cent (0 to 100), or ``done`` of ``total``; it never goes back.

        An unknown total creeps towards 95 per cent. ``message=None`` keeps the last one.
        """
        words: dict[str, Any] = {} if message is None else {"message": message}
        if done is not None:
            words |= {"done": done, "total": total}
            percent = from_amounts(self._percent, done, total)
        elif percent is not None and not 0.0 <= percent <= 100.0:  # noqa: PLR2004
            text = f"Progress must be between 0 and 100 per cent, not {percent!r}."
            raise ValueError(text)
        if percent is not None:
            self._percent = max(self._percent, percent)
            words["progress"] = self._percent
        self._report(**words)

    def message(self, text: str) -> None:
        """Say what it is doing now."""
        self._report(message=text)

    def track(self, items: Iterable[T], total: float | None = None) -> Iterator[T]:
        """Go through ``items`` and report how many are done; ``total`` defaults to their length.

        Costs less per item than a progress bar on a terminal.
        """
        reporter = self._reporter
        around = self._count, self._total, reporter.live_amount  # of a track that this one is in
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
                    raise reporter.stop
        finally:
            reporter.set_values(**self._amounts())
            self._count, self._total, reporter.live_amount = around
        self._raise_if_stopped()

    def batches(self, fetch: Callable[[int, int], Sequence[T]], total: int, *, size: int = SIZE) -> Iterator[T]:
        """Go through ``total`` items in slices of ``size``, from the checkpoint on; see walking.py.

        ``fetch(start, count)`` returns a part of the items, always in the same order.
        """
        return iterate_batches(
            cast(BatchContext, self),
            fetch,
            total,
            size=size,
            limit=SliceLimit(memory=self._memory, seconds=self._seconds),
        )

    def warn(self, text: str, key: str = "", **parameters: Any) -> None:
        """Note something that is wrong but does not end the job; its owner sees it.

        ``key`` names a translation that the parameters fill; ``storable_text`` is what is said without one.
        """
        self._reporter.add_diagnostic("warnings", text, key, parameters)
        self._raise_if_stopped()

    def error(self, text: str, key: str = "", **parameters: Any) -> None:
        """Note an error that its owner sees, as `warn` does; the job goes on. To end it, raise `JobError`."""
        self._reporter.add_diagnostic("errors", text, key, parameters)
        self._raise_if_stopped()

    def save_state(self, state: Mapping[str, Any] | None = None) -> None:
        """Write the checkpoint that the next attempt starts from, now (`state` if none is given).

        Raises `NotStorable` for what is no JSON or over `STATE_LIMIT` bytes of it.
        """
        if state is not None:
            self.state = dict(state)
        self._report(state=json_values.check_json(self.state, "The state of a job"))
        retry_while_away(self._reporter.flush, seconds=self._retry_seconds)

    def save_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Replace the application's own data about the job; raises `NotStorable` as `save_state` does."""
        self._report(metadata=json_values.check_json(metadata, "The metadata of a job"))

    @contextmanager
    def open_attachment(self, name: str, media_type: str | None = None) -> Iterator[BinaryIO]:
        """Write a file that appears, whole, when the block ends; not at all when it raises."""
        with self._files.draft() as draft:
            file = draft.writer()
            yield cast(BinaryIO, file)
            if not file.closed:
                file.flush()
            self._add_file_row(draft.keep(name, media_type))

    def attach(self, name: str, data: bytes | BinaryIO, media_type: str | None = None) -> None:
        """Leave a file, from bytes or streamed from an open file."""
        source = BytesIO(data) if isinstance(data, bytes) else data
        file = self._files.receive(source, name, media_type=media_type)
        self._add_file_row(file)

    def spawn(self, type_name: str, payload: Any = None, *, name: str | None = None, **choices: Any) -> UUID:
        """Make a child of this job; it may start when this handler has returned and all children exist.

        ``name`` is unique among the children: one that exists already is not made again.
        ``choices`` are those of `create_job`. A child cannot have children.
        """
        child = self._creator.child_of(self._job, type_name, payload, name, choices)
        self._children.append(child)
        if len(self._children) >= CHILDREN_AT_ONCE:
            self.flush_children()
        return child.id

    def flush_children(self) -> None:
        """Write the children that were spawned and not written yet."""
        if self._children:
            children, self._children = self._children, []
            retry_while_away(
                lambda: self._creator.add_children(self._job, children),
                again=lambda: self._creator.add_children(self._job, children, again=True),
                seconds=self._retry_seconds,
            )

    def after(self, type_name: str, payload: Any = None, *, on_finish: bool = False, **choices: Any) -> UUID:
        """Make a job that starts when this one has completed; with ``on_finish``, however it ends.

        Raises `LeaseLost` if somebody else runs this job by now.
        """
        retry_while_away(self._reporter.read_stop_flag, seconds=self._retry_seconds)
        asked = {
            "owner": self._job.owner,
            "triggered_by": self._job.triggered_by,
            "request_key": uuid4().hex,
            **choices,
        }

        def make() -> UUID:
            return self._creator.create_job(type_name, payload, after=[self._job.id], on_finish=on_finish, **asked).id

        return retry_while_away(
            make, seconds=self._retry_seconds
        )  # by its key, a request whose answer was lost makes no second job

    def _add_file_row(self, file: StoredFile) -> None:
        try:
            retry_while_away(
                lambda: self._add_row(file), again=lambda: self._add_row(file, again=True), seconds=self._retry_seconds
            )
        except LeaseLost:
            if not self._has_row(file):
                self._files.remove(file.id)
            raise  # after any other error the row may be there: if it is not, the sweep removes the file

    def _add_row(self, file: StoredFile, *, again: bool = False) -> None:
        fence = Fence(job_id=self._job.id, attempt=self._job.attempt)
        with writing(self._reporter.engine) as connection:
            if not (again and has_file(connection, file.id)):
                add_output(connection, fence, file, self._keep_files.total_seconds())
            report(connection, fence, {})  # a new version, so that pages see the file
            faultpoint("file.row")

    def _has_row(self, file: StoredFile) -> bool:
        with reading(self._reporter.engine) as connection:
            return has_file(connection, file.id)

    def _amounts(self) -> dict[str, Any]:
        self._percent = max(self._percent, from_amounts(self._percent, self._count, self._total))
        return {"done": self._count, "total": self._total, "progress": self._percent}

    def _report(self, **words: Any) -> None:
        self._reporter.set_values(**words)
        self._raise_if_stopped()

    def _raise_if_stopped(self) -> None:
        if self._reporter.stop:
            raise self._reporter.stop
