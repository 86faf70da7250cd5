"""job run: run a job in this process, or show what it would do."""

from __future__ import annotations

import pdb  # noqa: T100  (the debugger of --debug)
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import record
from webapp.cli.command_group import Failed, refuse_server
from webapp.cli.context import is_remote, services
from webapp.cli.jobs.wait import outcome
from webapp.cli.output import as_json, as_json_line, progress_line, readable
from webapp.cli.parameters import JOB, in_json
from webapp.jobs.model.job import Job, Status

if TYPE_CHECKING:
    from webapp.jobs.execution.by_hand.dry_run import DryRunLine

_QUESTIONS = {
    Status.COMPLETED: "is completed. Run a copy of it?",
    Status.FAILED: "failed. Run it again from its checkpoint?",
    Status.CANCELLED: "was stopped. Run it again from its checkpoint?",
    Status.STALE: "was lost. Run it again from its checkpoint?",
    Status.HELD: "is being prepared or waits for other jobs. Run it anyway?",
}
_BUSY = {
    Status.RUNNING: "is running already.",
    Status.WAITING: "waits for its child jobs: its own handler has returned.",
}


@click.command()
@click.argument("job", metavar="ID", type=JOB)
@click.option("--debug", is_flag=True, help="Change nothing: show what the job reports, and debug its error.")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), hidden=True)  # for dry runs from the pages
@click.option("--yes", is_flag=True, help="Do not ask before running a job that has ended or waits for others.")
@in_json
def run(job: Job, seconds: float | None, *, debug: bool, yes: bool, in_json: bool) -> None:
    """Run a job in this process, or show what it would do.

    The job can have any status; a completed job is final, so a copy of it runs. The command claims the job as a
    worker does, so it never runs twice at once. Ctrl-C hands it back. The exit status is 1 unless it completes.
    """
    if debug:
        _dry_run(job, timedelta(seconds=seconds) if seconds else None, in_json=in_json)
        return
    if is_remote():
        refuse_server(f"{click.get_current_context().command_path}` without `--debug")
    if reason := _BUSY.get(job.status):
        raise Failed(f"Job {job.short_id} {reason}")
    if not yes and (question := _QUESTIONS.get(job.status)):
        click.confirm(f"Job {job.short_id} {question}", abort=True, err=True)
    with _reported(quiet=in_json), _terminated_like_ctrl_c():
        try:
            ended = services().run_inline(job.id, any_status=True)
        except KeyboardInterrupt:
            raise Failed("The job was interrupted. It was handed back and waits for a worker.") from None
    if in_json:
        click.echo(as_json(ended.to_dict()))
    if ended.status not in {Status.COMPLETED, Status.WAITING}:
        raise Failed(outcome(ended))


def _dry_run(job: Job, limit: timedelta | None, *, in_json: bool) -> None:
    def show(line: DryRunLine) -> None:
        click.echo(as_json_line(line) if in_json else readable(line))

    debug = _debug if _is_terminal() and not in_json else None
    try:
        completes = services().dry_run(job.id, show, limit=limit, debug=debug)
    except KeyboardInterrupt:
        raise Failed("The dry run was interrupted. Nothing was changed.") from None
    if not completes:
        click.get_current_context().exit(1)


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _debug(error: BaseException) -> None:
    click.echo("The debugger shows where the error was raised. Type q to leave it.", err=True)
    pdb.post_mortem(error.__traceback__)


@contextmanager
def _reported(*, quiet: bool) -> Iterator[None]:
    """Record the start in the audit log; print the progress of the job on standard error."""
    printed: list[str] = []

    def started(_type_name: str, *, job: Job) -> None:
        record(AuditAction.JOB_RUN, AuditTarget.JOB, job.id, name=job.title, after={"again_of": job.again_of})
        progressed(_type_name, job=job)

    def progressed(_type_name: str, *, job: Job) -> None:
        line = f"{job.id}  {progress_line(job)}"
        if not quiet and printed[-1:] != [line]:
            printed.append(line)
            output = services().executor.output  # standard error belongs to the job while its handler runs
            click.echo(line, file=output.outside if output else None, err=True)

    from webapp import jobs as engine

    ends = (engine.job_completed, engine.job_failed, engine.job_cancelled, engine.job_retrying)
    with ExitStack() as stack:
        stack.enter_context(engine.job_started.connected_to(started))
        for signal_of_change in (engine.job_progressed, *ends):
            stack.enter_context(signal_of_change.connected_to(progressed))
        yield


@contextmanager
def _terminated_like_ctrl_c() -> Iterator[None]:
    """Let SIGTERM hand the job back too."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
