"""The executor runs one attempt of a claimed job to its end, regardless of what the handler does."""

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from time import process_time
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError, StatementError

from webapp.db.engine import own_connections, writing, writing_autocommit
from webapp.db.retry import is_away, retry_while_away
from webapp.db.sqlite_file import FilesClosed, refuse_closed_files
from webapp.fault_injection import faultpoint
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.definition.lazy_handlers import refuse_lazy_result
from webapp.jobs.definition.own_services import ServiceProvider
from webapp.jobs.definition.payload import Vault, load_payload, secret_values
from webapp.jobs.definition.registry import Registry
from webapp.jobs.execution import unknown_type
from webapp.jobs.execution.batches import SliceEnded
from webapp.jobs.execution.context import JobContext, JobCreator
from webapp.jobs.execution.groups.begun_jobs import BegunJobsFile
from webapp.jobs.execution.groups.finish_group import CompletedAttempt, complete_group
from webapp.jobs.execution.groups.give_back import give_back
from webapp.jobs.execution.handler_errors import (
    NON_RETRYABLE,
    OwnerMissing,
    RetryLater,
    contains,
    exits_with_success,
    sentence_of,
    traceback_of,
    translation_of,
)
from webapp.jobs.execution.input_files import Inputs, inputs_of
from webapp.jobs.execution.isolation.forked_copy import end_copy
from webapp.jobs.execution.isolation.job_isolation import JobIsolation
from webapp.jobs.execution.isolation.peak_memory import PeakMemory, peak_memory
from webapp.jobs.execution.output.output_capture import OutputCapture
from webapp.jobs.execution.reporter import JobCancelled, JobInterrupted, PendingLines, PendingValues, Reporter
from webapp.jobs.execution.time_limit import time_limit
from webapp.jobs.lifecycle import finish_attempt, finish_family
from webapp.jobs.lifecycle.default_owner import call_handler
from webapp.jobs.lifecycle.finish_attempt import AttemptLocation, Ending
from webapp.jobs.metrics.error_signature import error_signature
from webapp.jobs.model import policies
from webapp.jobs.model.job import EventName, Job, Status
from webapp.jobs.model.secret_mask import SecretMask
from webapp.jobs.questions.wait_for_answer import WaitForAnswer
from webapp.jobs.queueing.next_claim import Following, NextClaim
from webapp.jobs.store import events
from webapp.jobs.store.attachments import Attachments
from webapp.jobs.store.fence import Fence, LeaseLost, add_log_lines
from webapp.jobs.store.file_store import FileStore
from webapp.schema import jobs
from webapp.telemetry import error_reports, traces
from webapp.telemetry.log_context import process_fields
from webapp.telemetry.log_format import attempt_log

T = TypeVar("T")
Follow = Callable[[EventName], Following]
_NOTHING_FOLLOWS = Following()


_COMPLETED = Ending(status=Status.COMPLETED, outcome=EventName.COMPLETED)
_STOPS: Mapping[type[BaseException], Ending] = {
    JobCancelled: Ending(status=Status.CANCELLED, outcome=EventName.CANCELLED, cancel_kind="cooperative"),
    JobInterrupted: Ending(status=Status.QUEUED, outcome=EventName.INTERRUPTED),
    SliceEnded: Ending(status=Status.QUEUED, outcome=EventName.CONTINUED),
    LeaseLost: Ending(status=Status.FAILED, outcome=EventName.LOST),  # never written: the fence rejects it
}
# Their reasons are not errors of the job; its attempts have them
_BAD_OUTCOMES = frozenset({EventName.FAILED, EventName.LOST})
_NO_ERRORS = frozenset({EventName.UNKNOWN_TYPE, EventName.RETRY_LATER, EventName.POSTPONED})


class Executor:
    """Runs attempts in this process, one at a time."""

    def __init__(
        self,
        engine: Engine,
        *,
        registry: Registry,
        files: FileStore,
        vault: Vault,
        needs: Mapping[type, Any],
        owner_is_active: Callable[[Job], bool],
        creator: JobCreator,
        wake: Callable[[str], None],
        memory: int | None = None,
        retry_seconds: float = 0.0,
    ) -> None:
        self._engine = engine
        self._registry = registry
        self._files = files
        self._vault = vault
        self._needs = needs
        self._owner_is_active = owner_is_active
        self._creator = creator
        self._wake = wake
        self._memory = memory  # bytes that a job in slices can use in one work-horse
        self._retry_seconds = retry_seconds  # how long database operations are retried while it is away
        self._reporter: Reporter | None = None
        self._hears_ctrl_c = True
        self._peak_memory = PeakMemory()
        self._completed: list[CompletedAttempt] = []  # whose ends are not written yet
        self.begun: BegunJobsFile | None = None  # of the work-horse in which this runs
        self.isolation: JobIsolation | None = None  # of the work-horse in which this runs
        self.output: OutputCapture | None = None  # of the process in which this runs
        self.interrupted = False
        self.draining = False
        self.done = self.failed = 0  # attempts that completed and failed in this process

    def drain(self) -> None:
        """Run no further job after the current one."""
        self.draining = True

    def interrupt(self) -> None:
        """Interrupt the running job at its next report so that it is handed back, and run no further job."""
        self.interrupted = True
        if self._reporter and self._reporter.stop is None:
            self._reporter.stop = JobInterrupted()

    def run(
        self,
        job: Job,
        location: AttemptLocation,
        follow: Follow = lambda _outcome: _NOTHING_FOLLOWS,
        *,
        failure: Exception | None = None,
    ) -> EventName:
        """Run the claimed ``job``, write how it ended and return that; writes nothing if its lease was lost.

        ``follow`` receives the outcome before that is written, and returns what follows. An end that can wait is
        written with the next one that cannot. With ``failure``, the handler is not called: that is what it has raised.
        """
        with process_fields(job_id=str(job.id), job_type=job.type, attempt=job.attempt), self._traced(job) as span:
            outcome = self._run(job, location, follow, failure)
            if outcome in _BAD_OUTCOMES:
                traces.mark_failed(span, outcome)
            attempt_log.info("Attempt ended: %s.", outcome, extra={"outcome": outcome})
        return outcome

    def _run(self, job: Job, location: AttemptLocation, follow: Follow, failure: Exception | None) -> EventName:
        reporter = self._reporter = Reporter(self._engine, job)
        if self.interrupted:  # since the claim
            reporter.stop = JobInterrupted()
        # a work-horse does not
        self._hears_ctrl_c = self.isolation is None and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
        started = process_time()
        self._peak_memory.reset()
        if self.begun:
            self.begun.begin(job, reporter.now())
        faultpoint("horse.begun")
        try:
            ending = self._attempt(job, reporter) if failure is None else self._fail(job, failure, reporter)
        except FilesClosed:
            raise
        except BaseException:  # KeyboardInterrupt during an inline run
            reporter.close()
            raise
        ending = _with_figures(ending, reporter, cpu_seconds=process_time() - started)
        try:
            self._write(job, location, ending, reporter, follow)
        except LeaseLost:
            self._forget_begun()
            return EventName.LOST  # another attempt is responsible for the job now; nothing was written
        self._forget_begun()
        self._count(ending)
        return ending.outcome

    def _traced(self, job: Job) -> AbstractContextManager[Any]:
        """Return the span of an attempt, with a link to the request that caused it."""
        if not traces.is_on():
            return nullcontext()
        link = self._retry(lambda: events.trace_parent_of(self._engine, job.id))
        values = {"job_id": str(job.id), "job_type": job.type, "queue": job.queue, "attempt": job.attempt}
        attributes: dict[str, Any] = {f"deskjob.{name}": value for name, value in values.items()}
        return traces.span(f"attempt {job.type}", link=link, **attributes)

    def give_back(self, lease_id: UUID, location: AttemptLocation) -> None:
        """Give back the jobs that were claimed under the lease of this work-horse and have not begun."""
        with writing(self._engine) as connection:
            claimed = connection.execute(select(jobs.c.id).where(jobs.c.lease_id == lease_id)).scalars().all()
            woken = give_back(connection, lease_id, claimed, location)
            faultpoint("give-back.commit")
        for queue in woken:
            self._wake(queue)

    def take_counts(self) -> dict[str, int]:
        """Return how many attempts completed and failed since the last call."""
        counts = {"done": self.done, "failed": self.failed}
        self.done = self.failed = 0
        return counts

    def _count(self, ending: Ending) -> None:
        self.done += ending.outcome == EventName.COMPLETED
        self.failed += ending.outcome == EventName.FAILED

    def _fail(self, job: Job, failure: Exception, reporter: Reporter) -> Ending:
        if job.type not in self._registry:
            return _failed(sentence_of(failure))
        return self._failure(self._registry.get(job.type), job, failure, reporter)

    def _attempt(self, job: Job, reporter: Reporter) -> Ending:
        if job.type not in self._registry:
            return self._hand_back_or_stop(job, reporter)
        job_type = self._registry.get(job.type)
        try:
            self._check_owner(job)
            with (
                own_connections(),
                self._captured(job_type, reporter),
                self._isolated(job),
                time_limit(job_type.timeout),
            ):
                result = self._call(job_type, job, reporter)
        except (JobInterrupted, SliceEnded, RetryLater, WaitForAnswer) as stop:
            return self._hand_back(job_type, job, stop, reporter)
        except (JobCancelled, LeaseLost) as stop:
            return _STOPS[type(stop)]
        except FilesClosed:
            raise
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and self._hears_ctrl_c:
                raise
            return self._failure(job_type, job, error, reporter)
        if result is False:
            return _failed("The job reported that it failed.")
        return _COMPLETED

    def _isolated(self, job: Job) -> AbstractContextManager[object]:
        return self.isolation.around((job.type, job.owner)) if self.isolation else nullcontext()

    def _captured(self, job_type: JobType, reporter: Reporter) -> AbstractContextManager[object]:
        return self.output.of(reporter) if self.output and job_type.capture_output else nullcontext()

    def _hand_back_or_stop(self, job: Job, reporter: Reporter) -> Ending:
        if self._stop_requested(reporter):
            return _STOPS[JobCancelled]
        return self._retry(lambda: unknown_type.attempt_ending(self._engine, job))

    def _hand_back(self, job_type: JobType, job: Job, stop: BaseException, reporter: Reporter) -> Ending:
        """Requeue or schedule a job that was not stopped and has not failed, unless that happened too often."""
        if self._stop_requested(reporter):
            return _STOPS[JobCancelled]
        if isinstance(stop, RetryLater):
            return self._retry_later(job, stop, reporter)
        if isinstance(stop, WaitForAnswer):
            return self._ask(job, stop)
        if isinstance(stop, SliceEnded) or reporter.checkpoint_saved or not policies.too_many_interruptions(job):
            return _STOPS[type(stop)]
        if job.attempt < job.max_attempts and job_type.rerun_lost:
            return Ending(status=Status.QUEUED, outcome=EventName.LOST, error=policies.TOO_MANY_INTERRUPTIONS)
        return _failed(policies.TOO_MANY_INTERRUPTIONS)

    def _retry_later(self, job: Job, later: RetryLater, reporter: Reporter) -> Ending:
        """Schedule the job as its handler asked, unless nothing is left to use up."""
        reason = sentence_of(later, reporter.mask)
        if later.counts and job.attempt_number >= job.attempts_allowed:
            return _failed(reason)
        if not later.counts and policies.too_many_postponements(job):
            return _failed(policies.TOO_MANY_POSTPONEMENTS)
        reporter.set_values(message=reason)
        return Ending(
            status=Status.SCHEDULED,
            outcome=EventName.RETRY_LATER if later.counts else EventName.POSTPONED,
            error=reason,
            retry_in=later.delay.total_seconds(),
        )

    def _ask(self, job: Job, question: WaitForAnswer) -> Ending:
        """Put the job down until its question is answered, unless it has asked too often."""
        if policies.too_many_postponements(job):
            return _failed(policies.TOO_MANY_POSTPONEMENTS)
        return Ending(status=Status.HELD, outcome=EventName.ASKED, asks=question)

    def _failure(self, job_type: JobType, job: Job, error: BaseException, reporter: Reporter) -> Ending:
        """Turn an error into an ending: a retry if the type's policy allows it and no stop was requested."""
        key, parameters = translation_of(error)
        failed = _failed(sentence_of(error, reporter.mask), traceback_of(error, reporter.mask))
        _report(job, error, failed, reporter)
        ending = replace(failed, key=key, parameters=parameters)
        try:
            delay = _retry_delay(job_type, job, error)
        except BaseException as broken:  # noqa: BLE001  (`can_retry` is foreign code, as the handler is)
            reporter.add_diagnostic(
                "errors", f"It was not retried, because its retry policy failed: {sentence_of(broken, reporter.mask)}"
            )
            return replace(ending, traceback=traceback_of(broken, reporter.mask))  # it tells that of the error too
        if delay is None:
            return ending
        if self._stop_requested(reporter):
            return replace(_STOPS[JobCancelled], error=ending.error, traceback=ending.traceback)
        return replace(ending, status=Status.SCHEDULED, retry_in=delay)

    def _call(self, job_type: JobType, job: Job, reporter: Reporter) -> Any:
        if secrets := secret_values(job.payload, self._vault):
            reporter.mask = SecretMask(secrets)
        payload = load_payload(job_type, job.payload, self._vault)
        if reporter.stop:
            raise reporter.stop
        context = self._context(job_type, job, reporter)
        run_handler = partial(self._run_handler, job_type.handler, context, payload, reporter)
        if not job_type.needs:
            return run_handler()
        return ServiceProvider(self._needs, self._registry.services).call(run_handler, job_type.needs)

    def _run_handler(
        self, handler: Callable[..., Any], context: JobContext, payload: object, reporter: Reporter, **services: Any
    ) -> Any:
        try:
            result = _run_here(partial(handler, context, payload, **services))
        except SystemExit as error:
            if not exits_with_success(error):
                raise
            result = None
        except BaseExceptionGroup as error:
            if contains(error, reporter.delivered):
                context.end()  # raises the stop itself
            raise
        finally:
            refuse_closed_files(self._engine)
        refuse_lazy_result(result, handler)
        context.end()
        return result

    def _context(self, job_type: JobType, job: Job, reporter: Reporter) -> JobContext:
        return self._make_context(
            job,
            reporter,
            self._files,
            inputs=self._retry(lambda: self._inputs(job_type, job)),
            keep_files=job_type.keep_files,
            creator=self._creator,
            memory=self._memory,
            seconds=job_type.timeout.total_seconds(),
            retry_seconds=self._retry_seconds,
        )

    def _make_context(self, *arguments: Any, **named: Any) -> JobContext:
        return JobContext(*arguments, **named)

    def _inputs(self, job_type: JobType, job: Job) -> Inputs:
        if not job_type.uploads:
            return Inputs({})
        return inputs_of(job_type, job.payload, Attachments(self._engine).attachments(job.id), self._files)

    def _write(
        self,
        job: Job,
        location: AttemptLocation,
        ending: Ending,
        reporter: Reporter,
        follow: Follow = lambda _outcome: _NOTHING_FOLLOWS,
    ) -> None:
        values, lines = reporter.close()
        following = follow(ending.outcome)
        if (
            ending.outcome == EventName.COMPLETED
            and not values
            and not lines
            and self._can_wait(job, location, following)
        ):
            self._wait_to_end(job, ending, reporter)
            if not following.is_claimed:
                self._end_group(location, following.claim)
            return
        self._end_group(location)
        self._write_alone(job, location, ending, reporter, values=values, lines=lines, next_claim=following.claim)

    def _can_wait(self, job: Job, location: AttemptLocation, following: Following) -> bool:
        """Return whether the end of a job that has reported nothing is written together with other ends."""
        if self._completed and self._completed[0].job.root_id != job.root_id:
            self._end_group(location)
        return self.begun is not None and (following.is_claimed or bool(self._completed))

    def _wait_to_end(self, job: Job, ending: Ending, reporter: Reporter) -> None:
        assert self.begun is not None  # noqa: S101  (see `_can_wait`)
        cpu, memory = ending.cpu_seconds or 0.0, ending.peak_memory or 0
        started_at, finished_at = reporter.began_at, reporter.now()
        self.begun.complete(started_at, finished_at, cpu, memory)
        self._completed.append(
            CompletedAttempt(
                job=job, started_at=started_at, finished_at=finished_at, cpu_seconds=cpu, peak_memory=memory
            )
        )
        faultpoint("group.completed")

    def _end_group(self, location: AttemptLocation, next_claim: NextClaim | None = None) -> None:
        """Write the pending ends."""
        completed, self._completed = tuple(self._completed), []
        if not completed:
            return
        end = partial(self._complete, completed, location)
        end_each = partial(self._complete_each, completed, location)
        try:
            self._retry(partial(_end_and_claim, end, next_claim) if next_claim else end, again=end_each)
        except LeaseLost:
            end_each()

    def _complete(
        self, completed: Sequence[CompletedAttempt], location: AttemptLocation, next_claim: NextClaim | None = None
    ) -> None:
        with writing_autocommit(self._engine) as connection:
            complete_group(connection, completed, location, next_claim)
            faultpoint("group.commit")

    def _complete_each(self, completed: Sequence[CompletedAttempt], location: AttemptLocation) -> None:
        for one in completed:
            ending = replace(_COMPLETED, cpu_seconds=one.cpu_seconds, peak_memory=one.peak_memory)
            with suppress(LeaseLost):  # it was written already, or another attempt is responsible for the job now
                self._retry(partial(self._end, one.job, location, ending, values={}, lines=[]))

    def _forget_begun(self) -> None:
        """Forget the begun jobs when they have ended in the database too."""
        if self.begun and not self._completed:
            self.begun.forget()

    def _write_alone(
        self,
        job: Job,
        location: AttemptLocation,
        ending: Ending,
        reporter: Reporter,
        *,
        values: PendingValues,
        lines: PendingLines,
        next_claim: NextClaim | None,
    ) -> None:
        if ending.outcome not in _NO_ERRORS:
            values = {**values, **reporter.error_values(ending.error, ending.key, ending.parameters)}
        end = partial(self._end, job, location, ending, values=values, lines=lines)
        try:
            self._retry(partial(_end_and_claim, end, next_claim) if next_claim else end, again=end)
        except (StatementError, UnicodeError) as refused:
            if is_away(refused):
                raise
            # what was reported last cannot be stored
            why = _failed(sentence_of(refused, reporter.mask), traceback_of(refused, reporter.mask))
            measured = ("cpu_seconds", "peak_memory", "longest_silence")
            failed = replace(why, **{name: getattr(ending, name) for name in measured})
            values = reporter.error_values(failed.error)
            self._retry(lambda: self._end(job, location, failed, values=values, lines=[]))

    def _end(
        self,
        job: Job,
        location: AttemptLocation,
        ending: Ending,
        *,
        values: PendingValues,
        lines: PendingLines,
        next_claim: NextClaim | None = None,
    ) -> None:
        shape = finish_attempt.family_shape_of(job, ending)
        try:
            whole = lines or ending.asks
            with writing(self._engine) if whole else writing_autocommit(self._engine) as connection:
                finish_attempt.end_attempt(
                    connection, job, location, ending, shape=shape, next_claim=next_claim, **values
                )
                _add_lines(connection, job, lines)
                faultpoint("end.commit")
        except LeaseLost:  # or its end affects other jobs
            with writing(self._engine) as connection:
                woken = finish_family.end_attempt(connection, job, location, ending, **values)
                _add_lines(connection, job, lines)
                faultpoint("end.commit")
            faultpoint("end.wake")
            for queue in woken:
                self._wake(queue)

    def _check_owner(self, job: Job) -> None:
        if not self._retry(lambda: self._owner_is_active(job)):
            raise OwnerMissing

    def _stop_requested(self, reporter: Reporter) -> bool:
        return self._retry(reporter.read_stop_flag)

    def _retry(self, action: Callable[[], T], again: Callable[[], T] | None = None) -> T:
        return retry_while_away(action, seconds=self._retry_seconds, again=again)


def _report(job: Job, error: BaseException, ending: Ending, reporter: Reporter) -> None:
    """Report an error of a handler; those of one error group are one issue there too."""
    if error_reports.is_on():
        group = error_signature(job.type, ending.error or "", ending.traceback).fingerprint
        tags = {"job_id": job.id, "job_type": job.type, "attempt": job.attempt}
        error_reports.report(error, group=group, clean=reporter.mask.values, **tags)


def _run_here(handler: Callable[[], Any]) -> Any:
    """Call a handler; if it forks, only the calling process returns."""
    pid = os.getpid()
    try:
        result = call_handler(handler)
    except BaseException as error:
        if os.getpid() != pid:
            end_copy(error)
        raise
    if os.getpid() != pid:
        end_copy()
    return result


def _end_and_claim(end: Callable[..., None], next_claim: NextClaim) -> None:
    """End a job and claim the next one; a claim that fails does not keep the job from ending."""
    try:
        end(next_claim=next_claim)
    except DBAPIError as error:
        next_claim.fail()
        if is_away(error):
            raise
        end()


def _add_lines(connection: Connection, job: Job, lines: PendingLines) -> None:
    if lines:
        add_log_lines(connection, Fence(job_id=job.id, attempt=job.attempt), lines)


def _retry_delay(job_type: JobType, job: Job, error: BaseException) -> float | None:
    if isinstance(error, NON_RETRYABLE) or not job_type.retry.allows(job.attempt_number, job.attempts_allowed, error):
        return None
    return job_type.retry.delay(job.attempt_number).total_seconds()


def _with_figures(ending: Ending, reporter: Reporter, cpu_seconds: float) -> Ending:
    """Return the ending with what was measured, and with masked texts."""
    figures: dict[str, Any] = {
        "cpu_seconds": cpu_seconds,
        "peak_memory": peak_memory(),
        "longest_silence": reporter.longest_silence(),
    }
    if ending is _COMPLETED:  # most jobs; a copy takes three times as long
        return Ending(status=ending.status, outcome=ending.outcome, **figures)
    return replace(ending, **_masked_texts(ending, reporter.mask), **figures)


def _masked_texts(ending: Ending, mask: SecretMask) -> dict[str, Any]:
    if ending.error is None:
        return {}
    return {name: mask.values(getattr(ending, name)) for name in ("error", "traceback", "parameters")}


def _failed(sentence: str, trace: str | None = None) -> Ending:
    return Ending(status=Status.FAILED, outcome=EventName.FAILED, error=sentence, traceback=trace)
