"""error list, show, resolve, ignore, reopen and retry."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import audited, record
from webapp.cli.context import is_remote, services
from webapp.cli.jobs.actions import is_retried
from webapp.cli.output import as_dict, as_json, readable
from webapp.cli.parameters import in_json

if TYPE_CHECKING:
    from webapp.cli.remote.errors import RemoteErrors
    from webapp.jobs.metrics.error_groups import ErrorGroup

STATES = ("open", "resolved", "ignored")  # those of `ErrorState`, whose module imports the database
_BATCH = 200
_fingerprint = click.argument("fingerprint", metavar="ERROR")


@click.command("list")
@click.option(
    "--state", type=click.Choice([*STATES, "all"]), default="open", show_default=True, help="Only errors in this state."
)
@click.option("--type", "type_name", default="", metavar="TYPE", help="Only errors of jobs of this type.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Maximum number of errors.")
@in_json
def show_all(state: str, type_name: str, limit: int, *, in_json: bool) -> None:
    """List the errors of jobs, grouped. The most recent comes first."""
    chosen = None if state == "all" else state
    groups = services().metrics.errors.page(state=chosen, type_name=type_name, limit=limit)
    if in_json:
        click.echo(as_json([as_dict(group) for group in groups]))
    for group in () if in_json else groups:
        click.echo(_line(group))


@click.command()
@_fingerprint
@in_json
def show(fingerprint: str, *, in_json: bool) -> None:
    """Show an error."""
    _print(services().metrics.errors.get(fingerprint), in_json=in_json)


@click.command()
@_fingerprint
@in_json
def resolve(fingerprint: str, *, in_json: bool) -> None:
    """Mark an error as fixed. It opens again if it happens again."""
    _settle(fingerprint, "resolved", AuditAction.ERROR_RESOLVE, in_json=in_json)


@click.command()
@_fingerprint
@in_json
def ignore(fingerprint: str, *, in_json: bool) -> None:
    """Ignore an error."""
    _settle(fingerprint, "ignored", AuditAction.ERROR_IGNORE, in_json=in_json)


@click.command()
@_fingerprint
@in_json
def reopen(fingerprint: str, *, in_json: bool) -> None:
    """Open an error again."""
    _settle(fingerprint, "open", AuditAction.ERROR_REOPEN, in_json=in_json)


@click.command()
@_fingerprint
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@in_json
def retry(fingerprint: str, *, yes: bool, in_json: bool) -> None:
    """Retry every job that failed with an error and was not retried since."""
    group = services().metrics.errors.get(fingerprint)
    if not yes:
        click.confirm(f"Retry every job that failed with the error {_name(group)}?", abort=True, err=True)
    count = cast("RemoteErrors", services().metrics.errors).retry(fingerprint) if is_remote() else _retry_all(group)
    click.echo(as_json({"retried": count}) if in_json else f"Retried: {count:,}.")


def _retry_all(group: ErrorGroup) -> int:
    errors = services().metrics.errors
    retried, last = 0, None
    while ids := errors.retriable(group.fingerprint, _BATCH, last):
        retried, last = retried + sum(map(is_retried, ids)), ids[-1]
    after = {"jobs": retried}
    record(AuditAction.ERROR_RETRY, AuditTarget.ERROR, group.fingerprint, name=group.type, after=after)
    return retried


def _settle(fingerprint: str, state: str, action: AuditAction, *, in_json: bool) -> None:
    errors = services().metrics.errors
    group = errors.get(fingerprint)
    change = {"before": {"state": group.state}, "after": {"state": state}}
    with audited(action, AuditTarget.ERROR, fingerprint, name=group.type, **change):
        settled = errors.set_state(fingerprint, state)
    _print(settled, in_json=in_json)


def _print(group: ErrorGroup, *, in_json: bool) -> None:
    click.echo(as_json(as_dict(group)) if in_json else _line(group))


def _line(group: ErrorGroup) -> str:
    last = f"{group.last_seen_at:%Y-%m-%d %H:%M} UTC"
    return readable(f"{group.fingerprint}  {group.state:<8} {group.count:>6,}  {last}  {group.type:<20} {_name(group)}")


def _name(group: ErrorGroup) -> str:
    return " ".join(group.message.split()) or group.fingerprint
