"""token add, list and revoke."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.accounts.errors import translated_errors
from webapp.cli.audit_log import audited
from webapp.cli.command_group import BadUsage
from webapp.cli.context import services
from webapp.cli.output import as_dict, as_json, readable
from webapp.cli.parameters import MOMENT, in_json
from webapp.jobs.model.periods import parse_period

if TYPE_CHECKING:
    from webapp.accounts.tokens import ApiToken

SCOPES = ("read", "start", "operate", "admin", "metrics")  # those of `accounts.tokens`, which imports the database
_DEFAULT = ("read", "start")


class _Expiry(click.ParamType[timedelta | datetime | None]):
    """A period such as 90d, a time, or "never"."""

    name = "expiry"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the period, the time, or None for "never"."""
        if value == "never" or value is None or isinstance(value, timedelta | datetime):
            return None if value == "never" else value
        return parse_period(value) or MOMENT.convert(value, param, ctx)


@click.command()
@click.argument("name")
@click.option("--as", "person", required=True, metavar="USER", help="The user or service account that it acts as.")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="Can be repeated. Default: read, start."
)
@click.option("--expires", type=_Expiry(), default="90d", show_default=True, help="90d, 2027-01-31T12:00Z or never.")
@in_json
def add(
    name: str, person: str, scopes: tuple[str, ...], expires: timedelta | datetime | None, *, in_json: bool
) -> None:
    """Create a token of a user or a service account, and print it. It is shown only once."""
    user = services().accounts.by_name(person)
    if user is None:
        raise BadUsage(f"There is no account named {person}. See `deskjob user list`.")
    chosen = scopes or _DEFAULT
    end = {"expires_at": expires} if isinstance(expires, datetime) else {"lasts": expires}
    after = {"user": user.name, "scopes": ", ".join(chosen)}
    with translated_errors(), audited(AuditAction.TOKEN_ADD, AuditTarget.TOKEN, user.name, name=name, after=after):
        token, text = services().tokens.add(user, name, chosen, **end)
    click.echo(as_json({**_as_dict(token), "token": text}) if in_json else text)
    if not in_json:
        click.echo("This token is shown only once.", err=True)


@click.command("list")
@click.option("--as", "person", metavar="USER", help="Only tokens of this user.")
@in_json
def show_all(person: str | None, *, in_json: bool) -> None:
    """List the tokens, the newest first."""
    users = {user.id: user for user in services().accounts.all()}
    tokens = [
        token
        for token in services().tokens.all(100_000)
        if person in {None, getattr(users.get(token.user_id), "name", "")}
    ]
    if in_json:
        click.echo(as_json([{**_as_dict(token), "user": users[token.user_id].name} for token in tokens]))
    now = services().queries.jobs.now()
    for token in () if in_json else tokens:
        click.echo(readable(_line(token, users[token.user_id].name, now)))


@click.command()
@click.argument("reference", metavar="TOKEN")
@in_json
def revoke(reference: str, *, in_json: bool) -> None:
    """Revoke a token, given by its name, its ID or its beginning. Programs that use it are refused from now on."""
    found = services().tokens.find_active(reference)
    if not found:
        raise BadUsage(f"There is no active token {reference}. See `deskjob token list`.")
    if len(found) > 1:
        raise BadUsage(
            f"{len(found)} tokens match {reference}. Use the ID: {', '.join(str(each.id) for each in found)}."
        )
    user = services().accounts.get(found[0].user_id)
    name = user.name if user else ""
    with audited(AuditAction.TOKEN_REVOKE, AuditTarget.TOKEN, name, name=found[0].name, before={"user": name}):
        services().tokens.revoke(found[0].id)
    token = services().tokens.get(found[0].id)
    click.echo(as_json(_as_dict(token)) if in_json else readable(f"{token.name} is revoked."))


def _as_dict(token: ApiToken) -> dict[str, Any]:
    return {**as_dict(token), "scopes": sorted(token.scopes, key=SCOPES.index)}


def _line(token: ApiToken, user: str, now: datetime) -> str:
    state = "active" if token.is_active(now) else "revoked" if token.revoked_at else "expired"
    scopes = ",".join(sorted(token.scopes, key=SCOPES.index))
    return f"{token.id}  {token.prefix}…  {state:<8} {scopes:<24} {user:<20} {token.name}"
