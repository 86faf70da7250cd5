"""user: people."""

import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import click

from webapp.accounts.accounts import UserNotFound
from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.user import Role, User
from webapp.accounts.validation import BadAccount
from webapp.cli.audit_log import audited
from webapp.cli.context import services
from webapp.cli.output import as_json, readable
from webapp.cli.parameters import in_json

_ROLE = click.Choice([role.value for role in Role])


@click.command()
@click.argument("name")
@click.option("--role", type=_ROLE, default=Role.USER.value, show_default=True)
@click.option("--full-name", default="")
@click.option("--email")
@click.option("--tenant", help="Whose jobs they see, and whose only; by default the installation's own.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@in_json
def add(name: str, role: str, *, password_stdin: bool, in_json: bool, **details: Any) -> None:
    """Add a user. Without --password-stdin, a one-time password is generated and shown."""
    password, temporary = _password(given=password_stdin)
    with (
        _refusing(),
        audited(AuditAction.USER_ADD, AuditTarget.USER, name, name=details["full_name"], after={"role": role}),
    ):
        person = services().accounts.add(name, password, role=Role(role), temporary=temporary, **details)
    _tell(person, f"{name} was added as {role}.", password if temporary else None, in_json=in_json)


@click.command("list")
@click.option("--search", default="", help="A part of a name, an address, a role or a tenant.")
@in_json
def show_all(search: str, *, in_json: bool) -> None:
    """List users."""
    found = services().directory.page(search, limit=100_000)
    if in_json:
        click.echo(as_json([asdict(person) for person in found]))
    for person in () if in_json else found:
        state = "" if person.active else "  (disabled)"
        click.echo(readable(f"{person.name:<24} {person.role:<9} {person.full_name}{state}"))


@click.command()
@click.argument("name")
@click.argument("role", type=_ROLE)
@in_json
def role(name: str, role: str, *, in_json: bool) -> None:
    """Change the role of a user."""
    before = {"role": _known(name).role.value}
    _change(
        AuditAction.USER_ROLE,
        name,
        lambda: services().accounts.set_role(name, role),
        before=before,
        after={"role": role},
    )
    _tell(_known(name), f"{name} is {role} now.", in_json=in_json)


@click.command()
@click.argument("name")
@in_json
def disable(name: str, *, in_json: bool) -> None:
    """Disable an account and end its sessions."""
    _change(AuditAction.USER_DISABLE, name, lambda: services().accounts.disable(name))
    _tell(_known(name), f"{name} is disabled.", in_json=in_json)


@click.command()
@click.argument("name")
@in_json
def enable(name: str, *, in_json: bool) -> None:
    """Enable a disabled account."""
    _change(AuditAction.USER_ENABLE, name, lambda: services().accounts.enable(name))
    _tell(_known(name), f"{name} is enabled.", in_json=in_json)


@click.command()
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the new password from standard input.")
@in_json
def password(name: str, *, password_stdin: bool, in_json: bool) -> None:
    """Set a new password and end the user's sessions."""
    new, temporary = _password(given=password_stdin)
    _change(AuditAction.USER_PASSWORD, name, lambda: services().accounts.set_password(name, new, temporary=temporary))
    _tell(_known(name), f"{name} has a new password.", new if temporary else None, in_json=in_json)


def _password(*, given: bool) -> tuple[str, bool]:
    """Return the password, and whether it is for one time."""
    return (sys.stdin.readline().rstrip("\n"), False) if given else (secrets.token_urlsafe(15), True)


def _known(name: str) -> User:
    if found := services().accounts.by_name(name):
        return found
    raise click.ClickException(str(UserNotFound(name)))


def _tell(person: User, done: str, one_time: str | None = None, *, in_json: bool) -> None:
    if in_json:
        click.echo(as_json({**asdict(person), **({"one_time_password": one_time} if one_time else {})}))
        return
    click.echo(readable(done))
    if one_time:
        click.echo("It has to be changed at the first login.")
        click.echo(f"Password (shown only now): {one_time}")


def _change(action: AuditAction, name: str, verb: Callable[[], None], **details: Any) -> None:
    with _refusing(), audited(action, AuditTarget.USER, name, **details):
        verb()


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except (BadAccount, UserNotFound) as error:
        raise click.ClickException(str(error)) from None
