"""Reporter: carries what a running handler says to its job's row, at most every 250 ms.

The handler only sets values; a thread of the work-horse, started by the first word, writes
them. So a call costs next to nothing, the last word is never lost, a quiet handler's words
still arrive, and the same statement brings back the stop flag.

The logger of a running job: its lines land in the job's own log.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DataError, DBAPIError

from webapp import os_process
from webapp.db.engine import reading, writing
from webapp.fault_injection import faultpoint
from webapp.jobs.model import diagnostics, json_values
from webapp.jobs.model.job import Job
from webapp.jobs.store import signals
from webapp.jobs.store.fence import Fence, LeaseLost, add_log, report, stop_requested

INTERVAL_SECONDS = 0.25
_QUIET_ROUNDS = 4  # with nothing to say, the stop flag is read every second
NOTES_LIMIT = diagnostics.MAX_DIAGNOSTICS
LOG_LIMIT = 10_000
PendingValues = dict[str, Any]  # columns of the job's row
PendingLines = list[tuple[datetime, str, str]]  # of its log: moment, level, text
_PROGRESS = frozenset({"progress", "done", "total", "message"})


class JobCancelled(BaseException):
    """The job was asked to stop; raised inside the handler at its next word.

    A `BaseException`, so that ``except Exception`` in a handler cannot swallow it.
    """


class JobInterrupted(BaseException):
    """The worker is about to stop: the job is handed back and goes on from its checkpoint."""


class Reporter:
    """The words of one attempt on their way to the row."""

    def __init__(self, engine: Engine, job: Job) -> None:
        self.stop: BaseException | None = None  # what the handler's next word raises
        self.checkpoint_saved = False  # than where the last attempt began: a checkpoint was saved
        self.live_amount: Callable[[], Mapping[str, Any]] | None = None
        self.engine = engine
        self._fence = Fence(job_id=job.id, attempt=job.attempt)
        self._began_at, self._began = job.started_at, monotonic()
        self._words: dict[str, Any] = {}
        self._warnings, self._errors = list(job.warnings), list(job.errors)
        self._omitted = {"warnings": 0, "errors": 0}
        self._lines: deque[tuple[datetime, str, str]] = deque()
        self._line_count = 0
        self._lock = threading.Lock()
        self._one_writer = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def set_values(self, **words: Any) -> None:
        """Set columns of the job's row, to be written soon."""
        if "state" in words:  # it got further, so that it may be interrupted again
            words["interruptions"] = 0
            self.checkpoint_saved = True
        if "message" in words:
            words["message"] = json_values.storable_text(words["message"])
        with self._lock:
            self._words.update(words)
        self._begin()

    def add_diagnostic(self, kind: str, text: str, key: str = "", parameters: Mapping[str, Any] | None = None) -> None:
        """Add a warning or an error (``kind``: its column); beyond `NOTES_LIMIT` they are counted."""
        said = self._warnings if kind == "warnings" else self._errors
        new = diagnostics.make_diagnostic(text, key, parameters, at=self.now().isoformat())
        with self._lock:
            if len(said) < NOTES_LIMIT:
                said.append(new)
            else:
                self._omitted[kind] += 1
                said[-1] = {"text": diagnostics.omitted_message(self._omitted[kind] + 1), "at": new["at"]}
            self._words[kind] = list(said)
        self._begin()

    def log(self, level: str, text: str) -> None:
        """Add a line to the job's log, at most `LOG_LIMIT` of them."""
        self._line_count += 1
        if self._line_count == LOG_LIMIT:
            level, text = "WARNING", f"The log is full after {LOG_LIMIT} lines; further lines are dropped."
        if self._line_count <= LOG_LIMIT:
            self._lines.append((self.now(), level, json_values.storable_text(text)))
            self._begin()

    def now(self) -> datetime:
        """The database's time, reckoned from the claim: no worker's clock is trusted."""
        assert self._began_at is not None  # noqa: S101  (a claim sets it)
        return self._began_at + timedelta(seconds=monotonic() - self._began)

    def read_stop_flag(self) -> bool:
        """Read the stop flag now; raise `LeaseLost` if the attempt is not the job's any more."""
        with reading(self.engine) as connection:
            return stop_requested(connection, self._fence)

    def watch_stop_flag(self) -> None:
        """Have the stop flag looked at from now on, also while nothing is said."""
        self._begin()

    def flush(self) -> None:
        """Write what was said; raise `LeaseLost` if the attempt is not the job's any more."""
        with self._one_writer:
            words, lines = self._take()
            try:
                asked_to_stop = self._write(words, lines)
            except DBAPIError as error:
                if not isinstance(error, DataError):  # the database is away, and takes them later
                    self._take_back(words, lines)
                raise
        if asked_to_stop and self.stop is None:
            self.stop = JobCancelled()

    def close(self) -> tuple[PendingValues, PendingLines]:
        """Stop writing; return the last words and lines, for the transaction that ends the attempt."""
        self._closing.set()
        if self._thread:
            self._thread.join()
        return self._take()

    def error_values(
        self, error: str | None, key: str = "", parameters: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the errors' column with the one that ended the attempt, if one did."""
        if error is None:
            return {}
        return {
            "errors": [*self._errors, diagnostics.make_diagnostic(error, key, parameters, at=self.now().isoformat())]
        }

    def _write(self, words: Mapping[str, Any], lines: PendingLines) -> bool:
        if not words and not lines:
            with reading(self.engine) as connection:
                return stop_requested(connection, self._fence)
        with writing(self.engine) as connection:
            asked_to_stop = report(connection, self._fence, words)
            if lines:
                add_log(connection, self._fence, lines)
            if not _PROGRESS.isdisjoint(words):
                signals.note(connection, signals.job_progressed, [self._fence.job_id])
            faultpoint("report.commit")
        faultpoint("report.committed")
        return asked_to_stop

    def _take_back(self, words: PendingValues, lines: PendingLines) -> None:
        with self._lock:
            self._words = {**words, **self._words}
        self._lines.extendleft(reversed(lines))

    def _take(self) -> tuple[PendingValues, PendingLines]:
        with self._lock:
            words, self._words = self._words, {}
        if self.live_amount:
            words = {**self.live_amount(), **words}
        return words, [self._lines.popleft() for _ in range(len(self._lines))]

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = os_process.start_thread(self._run, "reporter")

    def _run(self) -> None:
        rounds = 0
        while not self._closing.wait(INTERVAL_SECONDS):
            rounds += 1
            if self._words or self._lines or self.live_amount or rounds % _QUIET_ROUNDS == 0:
                self._flush_or_keep()

    def _flush_or_keep(self) -> None:
        try:
            self.flush()
        except LeaseLost as lost:
            self.stop = lost
        except (DataError, UnicodeError) as refused:
            self.stop = self.stop or refused
        except DBAPIError:
            return  # the database is away; the words wait for the next round
        except Exception as refused:  # noqa: BLE001  (a thread has nobody else to tell)
            self.stop = self.stop or refused  # no such column, no JSON: the handler hears of it


_LONGEST = 8192  # characters of a line


def job_logger(type_name: str, reporter: Reporter) -> logging.Logger:
    """Return a logger for one attempt, which is kept nowhere."""
    logger = logging.Logger(f"deskjob.job.{type_name}", logging.DEBUG)  # noqa: LOG001
    logger.addHandler(_JobLog(reporter))
    return logger


class _JobLog(logging.Handler):
    def __init__(self, reporter: Reporter) -> None:
        super().__init__()
        self._reporter = reporter

    def emit(self, record: logging.LogRecord) -> None:
        self._reporter.log(record.levelname, self.format(record)[:_LONGEST])
