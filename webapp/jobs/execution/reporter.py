"""The reporter writes what a running handler reports to its job's row, at most every 250 ms.

The handler only sets values; a thread of the work-horse, started by the first report, writes them.
So a report costs almost nothing, the last one is never lost, reports are written while the handler
is busy, and the same statement reads the stop flag. Log lines take the same way, see `job_logger`.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DataError, DBAPIError

from webapp import os_process
from webapp.db.engine import reading, writing
from webapp.fault_injection import faultpoint
from webapp.jobs.model import diagnostics
from webapp.jobs.model.incoming_text import MESSAGE_LIMIT, TEXT_LIMIT, clean_text, text_of, visible_text
from webapp.jobs.model.job import Job
from webapp.jobs.model.secret_mask import NO_SECRETS
from webapp.jobs.queries.log_lines import OUTPUT
from webapp.jobs.store import signals
from webapp.jobs.store.fence import Fence, LeaseLost, add_log_lines, report, stop_requested

INTERVAL_SECONDS = 0.25
_IDLE_ROUNDS = 4  # without anything to write, the stop flag is read every second
LOG_LIMIT = 10_000  # lines
_MAX_LEVEL = 10  # characters, as in the schema
PendingValues = dict[str, Any]  # columns of the job's row
PendingLines = list[tuple[datetime, str, str]]  # of the job's log: time, level, text
_PROGRESS = frozenset({"progress", "done", "total", "message"})
_FORMATTER = logging.Formatter()


class JobCancelled(BaseException):
    """Raised in a handler by its next report after the job was asked to stop.

    A `BaseException`, so that ``except Exception`` in a handler cannot swallow it.
    """


class JobInterrupted(BaseException):
    """Raised in a handler when the worker is about to stop: the job is handed back and resumes at its checkpoint."""


class Reporter:
    """Collects the reports of one attempt and writes them to its job's row."""

    def __init__(self, engine: Engine, job: Job) -> None:
        self.stop: BaseException | None = None  # raised by the handler's next report
        self.delivered: BaseException | None = None  # what ended the handler's work: it saw this, or it was raised
        self.checkpoint_saved = False  # in this attempt
        self.live_amount: Callable[[], Mapping[str, Any]] | None = None
        self.read_output: Callable[[], None] | None = None  # called before a log line, so that both are in order
        self.mask = NO_SECRETS  # of the payload's secrets, in everything that the attempt reports
        self.engine = engine
        self._fence = Fence(job_id=job.id, attempt=job.attempt)
        self.started = monotonic()  # before the time limit begins to run
        self._claimed_at = job.heartbeat_at
        self._spoke_at, self._longest_silence = self.started, 0.0
        self._written_amounts: Mapping[str, Any] = {}
        self._values: dict[str, Any] = {}
        self._warnings, self._errors = list(job.warnings), list(job.errors)
        self._omitted = {"warnings": 0, "errors": 0}
        self._lines: deque[tuple[datetime, str, str]] = deque()
        self._line_count = 0
        self._lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._is_closed = False
        self._closing: threading.Event | None = None  # of the thread
        self._thread: threading.Thread | None = None

    def set_values(self, **values: Any) -> None:
        """Set columns of the job's row, to be written soon."""
        if "state" in values:  # a checkpoint is progress, so interruptions are counted from 0 again
            values["interruptions"] = 0
            self.checkpoint_saved = True
        if "message" in values:
            values["message"] = clean_text(self.mask.text(text_of(values["message"])), MESSAGE_LIMIT)
        if "metadata" in values:
            values["metadata"] = self.mask.values(values["metadata"])
        with self._lock:
            self._values.update(values)
        self._ensure_thread()

    def add_diagnostic(self, field: str, text: str, key: str = "", parameters: Mapping[str, Any] | None = None) -> None:
        """Add to ``field``, "warnings" or "errors"; beyond `MAX_DIAGNOSTICS` diagnostics are only counted."""
        stored = self._warnings if field == "warnings" else self._errors
        new = self._diagnostic(text, key, parameters)
        with self._lock:
            if len(stored) < diagnostics.MAX_DIAGNOSTICS:
                stored.append(new)
            else:
                self._omitted[field] += 1
                stored[-1] = {
                    "text": diagnostics.omitted_message(self._omitted[field] + 1),
                    "at": new["at"],
                }
            self._values[field] = list(stored)
        self._ensure_thread()

    def log(self, level: str, text: str) -> None:
        """Add a line to the job's log, at most `LOG_LIMIT` of them."""
        if self.read_output:
            self.read_output()
        self._line_count += 1
        if self._line_count == LOG_LIMIT:
            level, text = "WARNING", f"The log is full after {LOG_LIMIT} lines; further lines are dropped."
        if self._line_count <= LOG_LIMIT:
            self._add_line(level, text)

    def add_output(self, text: str) -> None:
        """Add a line of the handler's output to the job's log; `OutputLines` bounds how many there are."""
        self._add_line(OUTPUT, text)

    def _add_line(self, level: str, text: str) -> None:
        cleaned = clean_text(self.mask.text(text_of(text)), TEXT_LIMIT)
        self._lines.append((self.now(), visible_text(level)[:_MAX_LEVEL], cleaned))
        self._ensure_thread()

    def now(self) -> datetime:
        """Return the database's time, computed from the claim: the clocks of workers are not trusted."""
        assert self._claimed_at is not None  # noqa: S101  (a claim sets it)
        return self._claimed_at + timedelta(seconds=monotonic() - self.started)

    @property
    def began_at(self) -> datetime:
        """The database's time at which the attempt began."""
        assert self._claimed_at is not None  # noqa: S101  (as in `now`)
        return self._claimed_at

    def read_stop_flag(self) -> bool:
        """Read the stop flag now; raises `LeaseLost` if the attempt is no longer the job's current one."""
        with reading(self.engine) as connection:
            return stop_requested(connection, self._fence)

    def watch_stop_flag(self) -> None:
        """Read the stop flag regularly from now on, even while nothing is reported."""
        self._ensure_thread()

    def deliver(self, stop: BaseException) -> BaseException:
        """Record that the handler knows of ``stop``: the attempt ends with it, no matter what the handler returns."""
        self.delivered = self.delivered or stop
        return stop

    def flush(self) -> None:
        """Write what was reported; raises `LeaseLost` if the attempt is no longer the job's current one."""
        with self._write_lock:
            values, lines = self._take()
            try:
                stop_requested_now = self._write(values, lines)
            except DBAPIError as error:
                if not isinstance(error, DataError):  # the database is away; they are written later
                    self._put_back(values, lines)
                raise
        if stop_requested_now and self.stop is None:
            self.stop = JobCancelled()

    def flush_soon(self) -> None:
        """Write what was reported, unless the attempt ends; for another thread than the handler's."""
        if not self._is_closed:
            self._flush_or_keep()

    def close(self) -> tuple[PendingValues, PendingLines]:
        """Stop writing; return the last values and lines, for the transaction that ends the attempt."""
        with self._lock:
            self._is_closed = True
            thread, closing = self._thread, self._closing
        if thread and closing:
            closing.set()
            thread.join()
        with self._write_lock:  # of another thread that writes at this moment
            return self._take()

    def longest_silence(self) -> float:
        """Return the most seconds between two reports of the attempt, from its start until now."""
        return max(self._longest_silence, monotonic() - self._spoke_at)

    def error_values(
        self, error: str | None, key: str = "", parameters: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the column of errors with the one that ended the attempt, if any."""
        if error is None:
            return {}
        return {"errors": [*self._errors, self._diagnostic(error, key, parameters)]}

    def _diagnostic(self, text: str, key: str, parameters: Mapping[str, Any] | None) -> dict[str, Any]:
        masked = self.mask.text(text_of(text)), key, self.mask.values(parameters)
        return diagnostics.make_diagnostic(*masked, at=self.now().isoformat())

    def _write(self, values: Mapping[str, Any], lines: PendingLines) -> bool:
        if not values and not lines:
            with reading(self.engine) as connection:
                return stop_requested(connection, self._fence)
        with writing(self.engine) as connection:
            stop_requested_now = report(connection, self._fence, values)
            if lines:
                add_log_lines(connection, self._fence, lines)
            if not _PROGRESS.isdisjoint(values):
                signals.send_after_commit(connection, signals.job_progressed, [self._fence.job_id])
            faultpoint("report.commit")
        faultpoint("report.committed")
        self._longest_silence, self._spoke_at = self.longest_silence(), monotonic()
        return stop_requested_now

    def _put_back(self, values: PendingValues, lines: PendingLines) -> None:
        with self._lock:
            self._values = {**values, **self._values}
        self._lines.extendleft(reversed(lines))

    def _take(self) -> tuple[PendingValues, PendingLines]:
        with self._lock:
            values, self._values = self._values, {}
        values = {**self._new_amounts(), **values}
        return values, [self._lines.popleft() for _ in range(len(self._lines))]

    def _new_amounts(self) -> Mapping[str, Any]:
        """Return the amounts of `track` if they have changed: an item that never ends is no progress."""
        if not self._has_new_amounts() or not self.live_amount:
            return {}
        self._written_amounts = self.live_amount()
        return self._written_amounts

    def _has_new_amounts(self) -> bool:
        return self.live_amount is not None and self.live_amount() != self._written_amounts

    def _ensure_thread(self) -> None:
        if self._thread is None:
            with self._lock:
                self._thread = self._thread or self._start_thread()

    def _start_thread(self) -> threading.Thread | None:
        if self._is_closed:  # the attempt has ended, so nobody writes what is reported now
            return None
        self._closing = threading.Event()
        return os_process.start_thread(partial(self._run, self._closing), "reporter")

    def _run(self, closing: threading.Event) -> None:
        rounds = 0
        while not closing.wait(INTERVAL_SECONDS):
            rounds += 1
            if self._values or self._lines or self._has_new_amounts() or rounds % _IDLE_ROUNDS == 0:
                self._flush_or_keep()

    def _flush_or_keep(self) -> None:
        try:
            self.flush()
        except LeaseLost as lost:
            self.stop = lost
        except (DataError, UnicodeError) as refused:
            self.stop = self.stop or refused
        except DBAPIError:
            return  # the database is away; the values are written in the next round
        except Exception as refused:  # noqa: BLE001  (the thread has no other way to report it)
            self.stop = self.stop or refused  # not a column, or not JSON: the handler's next report raises it


def job_logger(type_name: str, reporter: Reporter) -> logging.Logger:
    """Return a logger for one attempt, which is not registered globally and never raises."""
    logger = _JobLogger(f"deskjob.job.{type_name}", logging.DEBUG)
    logger.addHandler(_JobLog(reporter))
    return logger


class _JobLogger(logging.Logger):
    def log(self, level: int, msg: object, *args: object, **options: Any) -> None:
        if isinstance(level, int):
            super().log(level, msg, *args, **options)
        else:  # a name, which the standard logger refuses
            number = logging.getLevelNamesMapping().get(str(level).upper(), logging.INFO)
            super().log(number, msg, *args, **options)

    def _log(self, level: int, msg: object, args: Any, **options: Any) -> None:  # type: ignore[override]
        try:
            super()._log(level, msg, args, **options)
        except (Exception, SystemExit) as error:  # noqa: BLE001  (a key of `extra` that logging uses itself)
            super()._log(level, "%s", (_unformatted(msg, args, error),))


class _JobLog(logging.Handler):
    def __init__(self, reporter: Reporter) -> None:
        super().__init__()
        self._reporter = reporter

    def emit(self, record: logging.LogRecord) -> None:
        self._reporter.log(record.levelname, formatted(record))


def formatted(record: logging.LogRecord) -> str:
    """Return the text of a record of a handler or a library. Never raises: a wrong placeholder must not fail a job."""
    try:
        return _FORMATTER.format(record)
    except (Exception, SystemExit) as error:  # noqa: BLE001  (foreign code)
        return _unformatted(record.msg, record.args, error)


def _unformatted(message: object, arguments: object, error: BaseException) -> str:
    shown = [text_of(each) for each in arguments] if isinstance(arguments, tuple) else [text_of(arguments)]
    why = f"{type(error).__name__}: {text_of(error)}"
    return f"{text_of(message)} [{', '.join(shown)}] (this line could not be formatted: {why})"
