"""budget list, show, set and clear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.user import Role
from webapp.cli.audit_log import audited
from webapp.cli.command_group import BadUsage, Failed
from webapp.cli.context import services
from webapp.cli.output import as_json, readable
from webapp.cli.parameters import in_json
from webapp.jobs.budgets.budget import LIMITS, MonthlyBudget, of_role, of_user

if TYPE_CHECKING:
    from webapp.jobs.budgets.budget import UserBudget

_ROLE = click.option("--role", type=click.Choice([role.value for role in Role]), help="All users of a role.")


@click.command("list")
@in_json
def show_all(*, in_json: bool) -> None:
    """List what users have used in this month, and their limits."""
    found = services().budgets.all()
    if in_json:
        click.echo(as_json(list(map(_as_dict, found))))
    for user in () if in_json else found:
        click.echo(readable(_line(user)))


@click.command()
@click.argument("name")
@in_json
def show(name: str, *, in_json: bool) -> None:
    """Show what a user has used in this month, and the limits."""
    user = services().accounts.by_name(name)
    if user is None:
        raise Failed(f"There is no account named {name}.")
    limits, usage = services().budgets.of_user(user.id)
    if in_json:
        used = {field: getattr(usage, field) for field in LIMITS}
        click.echo(as_json({"name": user.name, "limits": limits.to_dict(), "used": used}))
        return
    for field in LIMITS:
        click.echo(f"{field:<16} {_used(getattr(usage, field), getattr(limits, field))}")


@click.command("set")
@click.argument("name", required=False)
@_ROLE
@click.option("--jobs", type=int, help="Jobs that are started, retried or run again.")
@click.option("--cpu-seconds", type=float, help="Processor time in seconds.")
@click.option("--memory-gb-hours", type=float, help="The peak memory of each attempt by the time that it ran.")
@in_json
def set_limits(name: str | None, role: str | None, *, in_json: bool, **limits: Any) -> None:
    """Set the limits of a user or a role. What is not given is unlimited."""
    subject, title = _subject(name, role)
    budget = MonthlyBudget(**limits)
    if budget == MonthlyBudget():
        raise BadUsage("Give at least one limit, such as --jobs 500. `deskjob budget clear` removes limits.")
    with audited(AuditAction.BUDGET_SET, AuditTarget.BUDGET, subject, name=title, after=budget.to_dict()):
        services().budgets.set_limits(subject, budget)
    given = ", ".join(f"{field} {limit:g}" for field, limit in budget.to_dict().items() if limit is not None)
    click.echo(as_json(budget.to_dict()) if in_json else readable(f"{title}: {given} a month."))


@click.command()
@click.argument("name", required=False)
@_ROLE
def clear(name: str | None, role: str | None) -> None:
    """Remove the limits of a user or a role, so that those of the role or of everyone apply."""
    subject, title = _subject(name, role)
    with audited(AuditAction.BUDGET_CLEAR, AuditTarget.BUDGET, subject, name=title):
        services().budgets.clear_limits(subject)
    click.echo(readable(f"{title} has no limits of its own."))


def _subject(name: str | None, role: str | None) -> tuple[str, str]:
    if (name is None) is (role is None):
        raise BadUsage("Give the name of a user, or --role.")
    if role is not None:
        return of_role(role), role
    user = services().accounts.by_name(name or "")
    if user is None:
        raise Failed(f"There is no account named {name}.")
    return of_user(user.id), user.name


def _as_dict(user: UserBudget) -> dict[str, Any]:
    used = {field: getattr(user.usage, field) for field in LIMITS}
    return {"name": user.name, "role": user.role, "limits": user.budget.to_dict(), "used": used}


def _line(user: UserBudget) -> str:
    fields = (f"{field} {_used(getattr(user.usage, field), getattr(user.budget, field))}" for field in LIMITS)
    return f"{user.name:<24} {'  '.join(fields)}{'  used up' if user.used_up else ''}"


def _used(used: float, limit: float | None) -> str:
    shown = f"{round(used, 3):.10g}"
    return shown if limit is None else f"{shown} of {limit:.10g}"
