"""user add, list, role, disable, enable, password and remove-second-factor."""

import secrets
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.user import Role, User
from webapp.cli.accounts.errors import translated_errors
from webapp.cli.audit_log import audited
from webapp.cli.command_group import Failed
from webapp.cli.context import services
from webapp.cli.output import as_json, readable
from webapp.cli.parameters import in_json

_ROLE = click.Choice([role.value for role in Role])


@click.command()
@click.argument("name")
@click.option("--role", type=_ROLE, default=Role.USER.value, show_default=True, help="What the user can do.")
@click.option("--full-name", default="")
@click.option("--email")
@click.option("--tenant", help="Tenant of the user, who sees only jobs of that tenant. Default: none.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--service", is_flag=True, help="Add a service account: it has no password and uses API tokens.")
@in_json
def add(name: str, role: str, *, password_stdin: bool, service: bool, in_json: bool, **details: Any) -> None:
    """Add a user. Without --password-stdin, a one-time password is generated and shown."""
    if service:
        _add_service(name, role, details, in_json=in_json, password_stdin=password_stdin)
        return
    password, temporary = _password(from_stdin=password_stdin)
    with (
        translated_errors(),
        audited(AuditAction.USER_ADD, AuditTarget.USER, name, name=details["full_name"], after={"role": role}),
    ):
        user = services().accounts.add(name, password, role=Role(role), temporary=temporary, **details)
    _print(user, f"Added {name} as {role}.", password if temporary else None, in_json=in_json)


def _add_service(name: str, role: str, details: dict[str, Any], *, password_stdin: bool, in_json: bool) -> None:
    if password_stdin:
        message = "Give --service or --password-stdin, not both: a service account has no password."
        raise click.UsageError(message)
    after = {"role": role, "service": True}
    with (
        translated_errors(),
        audited(AuditAction.USER_ADD, AuditTarget.USER, name, name=details["full_name"], after=after),
    ):
        user = services().accounts.add_service(name, role=Role(role), **details)
    _print(user, f"Added the service account {name} as {role}.", in_json=in_json)


@click.command("list")
@click.option("--search", default="", help="Only users whose name, e-mail address, role or tenant contains this text.")
@in_json
def show_all(search: str, *, in_json: bool) -> None:
    """List users."""
    users = services().directory.page(search, limit=100_000)
    if in_json:
        click.echo(as_json([asdict(user) for user in users]))
    for user in () if in_json else users:
        state = "" if user.active else "  (disabled)"
        click.echo(readable(f"{user.name:<24} {user.role:<9} {user.full_name}{state}"))


@click.command()
@click.argument("name")
@click.argument("role", type=_ROLE)
@in_json
def role(name: str, role: str, *, in_json: bool) -> None:
    """Change the role of a user."""
    before = {"role": _find(name).role.value}
    _change(
        AuditAction.USER_ROLE,
        name,
        lambda: services().accounts.set_role(name, role),
        before=before,
        after={"role": role},
    )
    _print(_find(name), f"{name} is now {role}.", in_json=in_json)


@click.command()
@click.argument("name")
@in_json
def disable(name: str, *, in_json: bool) -> None:
    """Disable an account and end its sessions."""
    _change(AuditAction.USER_DISABLE, name, lambda: services().accounts.disable(name))
    _print(_find(name), f"{name} is disabled.", in_json=in_json)


@click.command()
@click.argument("name")
@in_json
def enable(name: str, *, in_json: bool) -> None:
    """Enable a disabled account."""
    _change(AuditAction.USER_ENABLE, name, lambda: services().accounts.enable(name))
    _print(_find(name), f"{name} is enabled.", in_json=in_json)


@click.command()
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the new password from standard input.")
@in_json
def password(name: str, *, password_stdin: bool, in_json: bool) -> None:
    """Set a new password and end the user's sessions."""
    new, temporary = _password(from_stdin=password_stdin)
    _change(AuditAction.USER_PASSWORD, name, lambda: services().accounts.set_password(name, new, temporary=temporary))
    _print(_find(name), f"{name} has a new password.", new if temporary else None, in_json=in_json)


@click.command()
@click.argument("name")
@in_json
def remove_second_factor(name: str, *, in_json: bool) -> None:
    """Remove the second factor of a user who has lost it."""
    user = _find(name)
    _change(AuditAction.FACTOR_OFF, name, lambda: services().second_factors.switch_off_for(user.id))
    _print(user, f"{name} has no second factor any more.", in_json=in_json)


def _password(*, from_stdin: bool) -> tuple[str, bool]:
    """Return the password, and whether it is a one-time password."""
    return (sys.stdin.readline().rstrip("\n"), False) if from_stdin else (secrets.token_urlsafe(15), True)


def _find(name: str) -> User:
    if user := services().accounts.by_name(name):
        return user
    raise Failed(f"There is no account named {name}.")


def _print(user: User, message: str, one_time: str | None = None, *, in_json: bool) -> None:
    if in_json:
        click.echo(as_json({**asdict(user), **({"one_time_password": one_time} if one_time else {})}))
        return
    click.echo(readable(message))
    if one_time:
        click.echo("It must be changed at the first sign-in.")
        click.echo(f"Password (shown only once): {one_time}")


def _change(action: AuditAction, name: str, change: Callable[[], None], **details: Any) -> None:
    with translated_errors(), audited(action, AuditTarget.USER, name, **details):
        change()
