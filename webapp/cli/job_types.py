"""type list, disable and enable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import audited
from webapp.cli.context import services
from webapp.cli.output import as_dict, as_json, readable
from webapp.cli.parameters import in_json

if TYPE_CHECKING:
    from webapp.jobs.definition.disabled_types import DisabledType
    from webapp.jobs.definition.job_type import JobType

_REASON_LIMIT = 200


@click.command("list")
@in_json
def show_all(*, in_json: bool) -> None:
    """List the job types, and why some are disabled."""
    _show(tuple(services().registry), in_json=in_json)


@click.command()
@click.argument("name")
@click.option("--reason", default="", help="The reason, which other users see.")
@in_json
def disable(name: str, reason: str, *, in_json: bool) -> None:
    """Disable a job type. It cannot be started, and its waiting jobs keep waiting."""
    if len(reason) > _REASON_LIMIT:
        raise click.UsageError(f"--reason can have at most {_REASON_LIMIT} characters")
    job_type = services().registry.get(name)
    with audited(AuditAction.TYPE_DISABLE, AuditTarget.TYPE, name, name=job_type.title, after={"reason": reason}):
        services().disabled_types.disable(name, reason=reason)
    _show((job_type,), in_json=in_json)


@click.command()
@click.argument("name")
@in_json
def enable(name: str, *, in_json: bool) -> None:
    """Enable a disabled job type. Its waiting jobs run."""
    job_type = services().registry.get(name)
    with audited(AuditAction.TYPE_ENABLE, AuditTarget.TYPE, name, name=job_type.title):
        services().disabled_types.enable(name)
    services().wake_ups.push(job_type.queue)
    _show((job_type,), in_json=in_json)


def _show(job_types: tuple[JobType, ...], *, in_json: bool) -> None:
    disabled = services().disabled_types.all()
    if in_json:
        click.echo(as_json([_facts(job_type, disabled.get(job_type.name)) for job_type in job_types]))
    for job_type in () if in_json else job_types:
        disabling = disabled.get(job_type.name)
        state = f"  disabled{f': {disabling.reason}' if disabling.reason else ''}" if disabling else ""
        click.echo(readable(f"{job_type.name:<24} {job_type.queue:<12} {job_type.title}{state}"))


def _facts(job_type: JobType, disabling: DisabledType | None) -> dict[str, object]:
    return {
        "name": job_type.name,
        "title": job_type.title,
        "queue": job_type.queue,
        "disabled": as_dict(disabling) if disabling else None,
    }
