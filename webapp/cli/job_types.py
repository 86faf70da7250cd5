"""type: which job types there are, and which may not be started for now."""

from dataclasses import asdict

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import audited
from webapp.cli.context import services
from webapp.cli.output import as_json, readable
from webapp.cli.parameters import in_json
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
@click.option("--reason", default="", help="Why; people read it.")
@in_json
def disable(name: str, reason: str, *, in_json: bool) -> None:
    """Disable a job type. It cannot be started, and its waiting jobs keep waiting."""
    if len(reason) > _REASON_LIMIT:
        raise click.UsageError(f"--reason takes at most {_REASON_LIMIT} characters")
    kind = services().registry.get(name)
    with audited(AuditAction.TYPE_DISABLE, AuditTarget.TYPE, name, name=kind.title, after={"reason": reason}):
        services().disabled_types.disable(name, reason=reason)
    _show((kind,), in_json=in_json)


@click.command()
@click.argument("name")
@in_json
def enable(name: str, *, in_json: bool) -> None:
    """Enable a disabled job type. Its waiting jobs run."""
    kind = services().registry.get(name)
    with audited(AuditAction.TYPE_ENABLE, AuditTarget.TYPE, name, name=kind.title):
        services().disabled_types.enable(name)
    services().wake_ups.push(kind.queue)
    _show((kind,), in_json=in_json)


def _show(kinds: tuple[JobType, ...], *, in_json: bool) -> None:
    disabled = services().disabled_types.all()
    if in_json:
        click.echo(as_json([_facts(kind, disabled.get(kind.name)) for kind in kinds]))
    for kind in () if in_json else kinds:
        off = disabled.get(kind.name)
        state = f"  disabled{f': {off.reason}' if off.reason else ''}" if off else ""
        click.echo(readable(f"{kind.name:<24} {kind.queue:<12} {kind.title}{state}"))


def _facts(kind: JobType, off: DisabledType | None) -> dict[str, object]:
    return {"name": kind.name, "title": kind.title, "queue": kind.queue, "disabled": asdict(off) if off else None}
