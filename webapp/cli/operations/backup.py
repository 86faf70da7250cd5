"""backup and restore."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from webapp.cli.command_group import Failed
from webapp.cli.context import services

if TYPE_CHECKING:
    from webapp.operations.backup_format import Manifest

_ARCHIVE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=_ARCHIVE)
@click.option("--without-files", is_flag=True, help="Leave out the files of the jobs, for storage with its own backup.")
@click.option("--key", "key_file", type=_ARCHIVE, help="Also write the secret key to this file. Keep it elsewhere.")
def backup(file: Path, key_file: Path | None, *, without_files: bool) -> None:
    """Write a backup of rows and files, while Deskjob runs.

    It has all rows as they were at one moment, and the files of the jobs. Secrets in it are encrypted with the
    secret key, which it does not contain.
    """
    from webapp.accounts.audit_log import AuditAction, AuditTarget
    from webapp.cli.audit_log import record
    from webapp.operations.backup import back_up, write_key
    from webapp.processes.preflight import require_tables

    require_tables(services())
    with _refusals(), _progress() as progress:
        if key_file:
            write_key(services().secret_key, key_file)
        manifest = back_up(services(), file, with_files=not without_files, progress=progress)
    record(AuditAction.BACKUP, AuditTarget.INSTALLATION, name=file.name)
    click.echo(f"{file}: {_contents(manifest)}, {file.stat().st_size / 1e6:,.1f} MB.")
    if manifest.missing_files:
        click.echo(f"{manifest.missing_files:,} files were not on the disk.", err=True)


@click.command()
@click.argument("file", type=_ARCHIVE)
def restore(file: Path) -> None:
    """Restore a backup into an empty installation.

    Its database can be of another kind. Set the same secret key first: DESKJOB_SECRET_KEY, or the file secret_key
    in DESKJOB_DATA_DIR.
    """
    from webapp.accounts.audit_log import AuditAction, AuditTarget
    from webapp.cli.audit_log import record
    from webapp.operations.restore import restore as restore_backup
    from webapp.processes.bootstrap import database_to_change
    from webapp.processes.preflight import check_folders

    check_folders(services().settings)
    with _refusals(), _progress() as progress, database_to_change(services()):
        restored = restore_backup(services(), file, progress=progress)
    record(AuditAction.RESTORE, AuditTarget.INSTALLATION, name=file.name)
    made = restored.manifest.made_at.strftime("%Y-%m-%d %H:%M UTC")
    click.echo(f"Restored the backup of {made}: {_contents(restored.manifest)}.")
    if restored.missing_files:
        advice = "Put the folder of the files back, or their downloads fail."
        click.echo(f"{restored.missing_files:,} files are not in the backup. {advice}", err=True)
    click.echo("Users must sign in again. Check the result with ./deskjob verify.")


def _contents(manifest: Manifest) -> str:
    return f"{sum(manifest.rows.values()):,} rows, {manifest.files if manifest.with_files else 0:,} files"


@contextmanager
def _refusals() -> Iterator[None]:
    from webapp.operations.backup_format import BadBackup

    try:
        yield
    except BadBackup as error:
        raise Failed(str(error)) from None


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Show what is being written, in a terminal only."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    yield lambda text: click.echo(f"\r\x1b[K{text} …", nl=False, err=True)
    click.echo("\r\x1b[K", nl=False, err=True)
