"""group list, show, add, remove, types, add-member and remove-member."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.accounts.errors import translated_errors
from webapp.cli.audit_log import audited
from webapp.cli.command_group import Failed, loaded
from webapp.cli.context import services
from webapp.cli.output import as_json, readable
from webapp.cli.parameters import in_json

if TYPE_CHECKING:
    from webapp.accounts.groups.user_group import GroupMember, UserGroup
    from webapp.accounts.user import User

_TARGET = AuditTarget.GROUP
_MOST_MEMBERS = 100_000


@click.command("list")
@in_json
def show_all(*, in_json: bool) -> None:
    """List the groups of users, with their members and job types."""
    groups = services().user_groups.all()
    if in_json:
        click.echo(as_json([_as_dict(group) for group in groups]))
    for group in () if in_json else groups:
        click.echo(readable(_line(group)))


@click.command()
@click.argument("name")
@in_json
def show(name: str, *, in_json: bool) -> None:
    """Show a group and its members."""
    group = _find(name)
    members = services().user_groups.members(group, limit=_MOST_MEMBERS)
    if in_json:
        click.echo(as_json({**_as_dict(group), "members": [_member(member) for member in members]}))
        return
    click.echo(readable(_line(group)))
    for member in members:
        click.echo(readable(f"{member.name:<24} {'by hand' if member.by_hand else 'by single sign-on'}"))


@click.command()
@click.argument("name")
@click.option("--description", default="")
@in_json
def add(name: str, description: str, *, in_json: bool) -> None:
    """Add a group. If single sign-on names groups, NAME is exactly as it is named there."""
    with translated_errors(), audited(AuditAction.GROUP_ADD, _TARGET, name[:120]):
        group = services().user_groups.add(name, description)
    _print(group, f"Added the group {group.name}.", in_json=in_json)


@click.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove a group. Its members are kept."""
    group = _find(name)
    with translated_errors(), audited(AuditAction.GROUP_REMOVE, _TARGET, group.name, before={"members": group.members}):
        services().user_groups.remove(group)
    click.echo(readable(f"Removed the group {group.name}."))


@click.command()
@click.argument("name")
@click.argument("types", metavar="[TYPE]...", nargs=-1)
@in_json
def types(name: str, types: tuple[str, ...], *, in_json: bool) -> None:
    """Set the job types that only members can start. Without a TYPE, there are none.

    A type that is for several groups can be started by the members of each.
    """
    group = _find(name)
    change = {"before": {"types": list(group.types)}, "after": {"types": sorted(set(types))}}
    with translated_errors(), audited(AuditAction.GROUP_TYPES, _TARGET, group.name, **change):
        services().user_groups.set_types(group, types)
    group = _find(name)
    _print(group, f"Only for {group.name}: {', '.join(group.types) or 'no job type'}.", in_json=in_json)


@click.command()
@click.argument("name")
@click.argument("user")
@in_json
def add_member(name: str, user: str, *, in_json: bool) -> None:
    """Add a user to a group."""
    group, member = _find(name), _user(user)
    with _changing_member(AuditAction.MEMBER_ADD, group, after={"user": member.name}):
        services().user_groups.add_member(group, member.id)
    _print(_find(name), f"{member.name} belongs to {group.name} now.", in_json=in_json)


@click.command()
@click.argument("name")
@click.argument("user")
@in_json
def remove_member(name: str, user: str, *, in_json: bool) -> None:
    """Remove a user from a group."""
    group, member = _find(name), _user(user)
    with _changing_member(AuditAction.MEMBER_REMOVE, group, before={"user": member.name}):
        services().user_groups.remove_member(group, member.id)
    _print(_find(name), f"{member.name} does not belong to {group.name} any more.", in_json=in_json)


@contextmanager
def _changing_member(action: AuditAction, group: UserGroup, **details: Any) -> Iterator[None]:
    with translated_errors(), audited(action, _TARGET, group.name, **details):
        yield


def _find(name: str) -> UserGroup:
    try:
        return services().user_groups.find(name)
    except loaded("webapp.accounts.groups.user_group", "GroupNotFound") as error:
        raise Failed(f"{error} See `deskjob group list`.") from None


def _user(name: str) -> User:
    if user := services().accounts.by_name(name):
        return user
    raise Failed(f"There is no account named {name}.")


def _line(group: UserGroup) -> str:
    types = f"  only they start: {', '.join(group.types)}" if group.types else ""
    return f"{group.name:<24} {group.members:>5} members{types}"


def _as_dict(group: UserGroup) -> Mapping[str, Any]:
    names = ("id", "name", "description", "members")
    return {**{name: getattr(group, name) for name in names}, "types": list(group.types)}


def _member(member: GroupMember) -> Mapping[str, Any]:
    return {name: getattr(member, name) for name in ("id", "name", "full_name", "by_hand")}


def _print(group: UserGroup, message: str, *, in_json: bool) -> None:
    click.echo(as_json(_as_dict(group)) if in_json else readable(message))
