"""secrets rotate, status and forget: the secret key of the installation."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import record
from webapp.cli.command_group import Failed
from webapp.cli.context import services
from webapp.cli.output import as_json
from webapp.cli.parameters import in_json

if TYPE_CHECKING:
    from webapp.services import Services

_NAME = "secret key"


@click.command()
def rotate() -> None:
    """Replace the secret key, and encrypt all stored secrets with the new one. Old keys stay accepted.

    Run it again if it was interrupted: it continues. Restart all processes afterwards.
    """
    from webapp.jobs.maintenance.reencryption import count_outdated, encrypt_again
    from webapp.secret_key import keys_are_in_files, replace_key

    app_services = _ready()
    continues = len(app_services.secret_keys) > 1 and count_outdated(app_services.engine, app_services.vault)[0] > 0
    if not continues:
        if not keys_are_in_files(app_services.settings):
            if len(app_services.secret_keys) == 1:
                raise Failed(
                    "DESKJOB_SECRET_KEY is set, so the new key comes from you: set it to a new key and "
                    "DESKJOB_SECRET_KEY_OLD to the present one, for all processes, and run this command again."
                )
        else:
            replace_key(app_services.settings)
            app_services.reload_keys()
            record(AuditAction.SETTINGS_CHANGE, AuditTarget.SETTINGS, "secret_key", name=_NAME)
            click.echo("The installation has a new key. The old one is still accepted.")
    changed = encrypt_again(app_services.engine, app_services.vault)
    click.echo(f"Encrypted {changed:,} rows with the current key.")
    _, lost = count_outdated(app_services.engine, app_services.vault)
    if lost:
        click.echo(f"{lost:,} rows have secrets that none of the keys can decrypt. They stay as they are.", err=True)
    click.echo("Restart web, workers and clock. Later, remove old keys with `deskjob secrets forget`.")


@click.command()
@in_json
def status(*, in_json: bool) -> None:
    """Show how many old keys are accepted, and how many stored secrets need one."""
    from webapp.jobs.maintenance.reencryption import count_outdated

    app_services = _ready()
    old, lost = count_outdated(app_services.engine, app_services.vault)
    accepted = len(app_services.secret_keys) - 1
    if in_json:
        click.echo(as_json({"old_keys": accepted, "outdated": old, "unreadable": lost}))
        return
    click.echo(f"{accepted} old keys are accepted. {old:,} rows need one of them, {lost:,} cannot be decrypted.")


@click.command()
@click.option("--now", is_flag=True, help="Even if browsers are signed in with an old key; they must sign in again.")
def forget(*, now: bool) -> None:
    """Remove the old keys when nothing needs them."""
    from webapp.jobs.maintenance.reencryption import count_outdated
    from webapp.secret_key import forget_old_keys, keys_are_in_files, replaced_at

    app_services = _ready()
    settings = app_services.settings
    if len(app_services.secret_keys) == 1:
        click.echo("There are no old keys.")
        return
    old, _ = count_outdated(app_services.engine, app_services.vault)
    if old:
        raise Failed(f"{old:,} rows need an old key. Run `deskjob secrets rotate` first.")
    since = replaced_at(settings)
    left = 0.0 if since is None else since + settings.session_absolute_seconds - time()
    if left > 0 and not now:
        raise Failed(
            f"Browsers can be signed in with the old key for {left / 3600:.1f} h more. Wait, or use --now: "
            "they must sign in again then."
        )
    if keys_are_in_files(settings):
        forget_old_keys(settings)
    record(AuditAction.SETTINGS_CHANGE, AuditTarget.SETTINGS, "secret_key_old", name=_NAME)
    if settings.old_keys:
        click.echo("Nothing needs the old keys. Remove DESKJOB_SECRET_KEY_OLD and restart all processes.")
    else:
        click.echo("The old keys are removed. Restart web, workers and clock.")


def _ready() -> Services:
    from webapp.processes.preflight import require_tables

    app_services: Services = services()
    require_tables(app_services)
    return app_services
