"""files: move the files of an installation."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from webapp.cli.command_group import BadUsage, Failed
from webapp.cli.context import services

if TYPE_CHECKING:
    from webapp.operations.file_move import MoveReport, Progress


@click.command()
@click.option("--to", "target", metavar="URL", help="A folder or s3://bucket/prefix. Default: DESKJOB_STORAGE_URL.")
def move(target: str | None) -> None:
    """Move the files of all jobs to a folder or a bucket, while Deskjob runs.

    Each file is compared with its SHA-256 before the original is deleted. A move that was stopped continues when it
    is started again. Exit status 1 if a file is missing or damaged.
    """
    from webapp.accounts.audit_log import AuditAction, AuditTarget
    from webapp.cli.audit_log import record
    from webapp.jobs.store.file_store import StorageUnavailable
    from webapp.operations.file_move import BadMove, move_files
    from webapp.processes.preflight import require_tables

    require_tables(services())
    target = target or services().settings.storage
    try:
        report = move_files(services(), target, show=_show)
    except BadMove as error:
        raise BadUsage(str(error)) from None
    except StorageUnavailable as error:
        raise Failed(f"{error} Start the move again to continue.") from None
    record(AuditAction.MOVE_FILES, AuditTarget.INSTALLATION, name=target)
    _say(report, target)
    sys.exit(1 if report.problems else 0)


def _show(progress: Progress) -> None:
    """Say how far it is: on one line of a terminal, or a line at a time."""
    line = f"{progress.files:,} of {progress.all_files:,} files, "
    line += f"{progress.bytes / 1e9:,.1f} of {progress.all_bytes / 1e9:,.1f} GB"
    is_terminal = sys.stderr.isatty()
    click.echo(f"\r\x1b[K{line} …" if is_terminal else line, nl=not is_terminal, err=True)


def _say(report: MoveReport, target: str) -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
    for problem in report.problems:
        click.echo(problem, err=True)
    done = "Copied" if report.keeps_originals else "Moved"
    click.echo(f"{done} {report.moved:,} files ({report.moved_bytes / 1e6:,.1f} MB) to {target}.")
    if report.already_there:
        click.echo(f"{report.already_there:,} files were there already.")
    if report.keeps_originals:
        current = services().settings.storage
        click.echo(f"Now set DESKJOB_STORAGE_URL={target} and DESKJOB_STORAGE_URL_OLD={current}, restart all")
        click.echo(
            "processes, and run ./deskjob files move again: it brings the newest files and deletes the originals."
        )
    elif report.without_row:
        click.echo(
            f"{report.without_row:,} files without a job are in the old place. Maintenance deletes them in a day."
        )
    elif not report.problems:
        click.echo("The old place is empty. Unset DESKJOB_STORAGE_URL_OLD and restart all processes.")
