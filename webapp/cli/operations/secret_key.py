"""secrets rotate, status and forget: the secret key of the installation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import record
from webapp.cli.command_group import Failed, loaded
from webapp.cli.context import is_remote, services
from webapp.cli.output import as_dict, as_json
from webapp.cli.parameters import in_json

if TYPE_CHECKING:
    from webapp.jobs.maintenance.key_rotation import KeyRotation

_NAME = "secret key"


@click.command()
def rotate() -> None:
    """Replace the secret key, and encrypt all stored secrets with the new one. Old keys stay accepted.

    Run it again if it was interrupted: it continues. Restart all processes afterwards.
    """
    rotation = _ready()
    with _translated():
        has_new_key = rotation.replace_key()
    record(AuditAction.SETTINGS_CHANGE, AuditTarget.SETTINGS, "secret_key", name=_NAME)
    if has_new_key:
        click.echo("The installation has a new key. The old one is still accepted.")
    changed = rotation.encrypt_again()
    click.echo(f"Encrypted {changed:,} rows with the current key.")
    if lost := rotation.status().unreadable:
        click.echo(f"{lost:,} rows have secrets that none of the keys can decrypt. They stay as they are.", err=True)
    click.echo("Restart web, workers and clock. Later, remove old keys with `deskjob secrets forget`.")


@click.command()
@in_json
def status(*, in_json: bool) -> None:
    """Show how many old keys are accepted, and how many stored secrets need one."""
    found = _ready().status()
    if in_json:
        click.echo(as_json(as_dict(found)))
        return
    old, lost = found.outdated, found.unreadable
    click.echo(f"{found.old_keys} old keys are accepted. {old:,} rows need one of them, {lost:,} cannot be decrypted.")


@click.command()
@click.option("--now", is_flag=True, help="Even if browsers are signed in with an old key; they must sign in again.")
def forget(*, now: bool) -> None:
    """Remove the old keys when nothing needs them."""
    rotation = _ready()
    with _translated():
        forgotten = rotation.forget(now=now).name
    if forgotten == "NONE_LEFT":
        click.echo("There are no old keys.")
        return
    record(AuditAction.SETTINGS_CHANGE, AuditTarget.SETTINGS, "secret_key_old", name=_NAME)
    if forgotten == "IN_SETTINGS":
        click.echo("Nothing needs the old keys. Remove DESKJOB_SECRET_KEY_OLD and restart all processes.")
    else:
        click.echo("The old keys are removed. Restart web, workers and clock.")


def _ready() -> KeyRotation:
    if not is_remote():
        from webapp.processes.preflight import require_tables

        require_tables(services())
    return services().key_rotation


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except loaded("webapp.jobs.maintenance.key_rotation", "KeyRotationRefused") as error:
        raise Failed(str(error)) from None
