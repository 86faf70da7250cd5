"""user: people."""

import secrets
import sys
from collections.abc import Callable

import click

from webapp.accounts.accounts import UserNotFound
from webapp.accounts.audit import Action, Kind
from webapp.accounts.rules import BadAccount
from webapp.accounts.user import Role
from webapp.commands.auditing import audited
from webapp.commands.current import services


@click.group()
def user() -> None:
    """Add, list and disable people."""


@user.command()
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.USER.value, show_default=True)
@click.option("--full-name", default="")
@click.option("--email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def add(name: str, role: str, full_name: str, email: str | None, *, password_stdin: bool) -> None:
    """Add a person; without --password-stdin one is made and shown."""
    password = sys.stdin.readline().rstrip("\n") if password_stdin else secrets.token_urlsafe(15)
    try:
        with audited(Action.USER_ADD, Kind.USER, name, name=full_name, after={"role": role}):
            services().accounts.add(name, password, role=Role(role), full_name=full_name, email=email)
    except BadAccount as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{name} was added as {role}.")
    if not password_stdin:
        click.echo(f"Password (shown only now): {password}")


@user.command("list")
def show_all() -> None:
    """List everybody."""
    for person in services().accounts.all():
        state = "" if person.active else "  (disabled)"
        click.echo(f"{person.name:<24} {person.role:<9} {person.full_name}{state}")


@user.command()
@click.argument("name")
def disable(name: str) -> None:
    """Shut somebody out; their sessions end at once."""
    admins = [person.name for person in services().accounts.all() if person.active and person.role is Role.ADMIN]
    if admins == [name]:
        message = f"{name} is the last admin, and nobody could let anybody in again. Make another admin first."
        raise click.ClickException(message)
    _change(Action.USER_DISABLE, name, lambda: services().accounts.disable(name))
    click.echo(f"{name} is disabled.")


@user.command()
@click.argument("name")
def enable(name: str) -> None:
    """Let somebody in again."""
    _change(Action.USER_ENABLE, name, lambda: services().accounts.enable(name))
    click.echo(f"{name} is enabled.")


@user.command()
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the new password from standard input.")
def password(name: str, *, password_stdin: bool) -> None:
    """Give somebody a new password; their sessions end at once."""
    new = sys.stdin.readline().rstrip("\n") if password_stdin else secrets.token_urlsafe(15)
    _change(Action.USER_PASSWORD, name, lambda: services().accounts.set_password(name, new))
    click.echo(f"{name} has a new password.")
    if not password_stdin:
        click.echo(f"Password (shown only now): {new}")


def _change(action: Action, name: str, verb: Callable[[], None]) -> None:
    try:
        with audited(action, Kind.USER, name):
            verb()
    except (BadAccount, UserNotFound) as error:
        raise click.ClickException(str(error)) from None
