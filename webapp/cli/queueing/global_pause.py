"""pause and resume, of everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import audited
from webapp.cli.context import services
from webapp.cli.output import as_json
from webapp.cli.parameters import in_json
from webapp.cli.queueing.queues import REASON_LIMIT, pause_in_words

if TYPE_CHECKING:
    from webapp.jobs.queries.pauses import Pause


@click.command()
@click.option("--reason", default="", help="The reason, which other users see.")
@in_json
def pause(reason: str, *, in_json: bool) -> None:
    """Pause everything: no job of any queue starts. Running jobs continue."""
    if len(reason) > REASON_LIMIT:
        raise click.UsageError(f"--reason can have at most {REASON_LIMIT} characters")
    with audited(AuditAction.EVERYTHING_PAUSE, AuditTarget.INSTALLATION, after={"reason": reason}):
        paused = services().global_pause.pause(reason=reason)
    _show(paused, in_json=in_json)


@click.command()
@in_json
def resume(*, in_json: bool) -> None:
    """Resume after a pause of everything. Queues with a pause of their own stay paused."""
    with audited(AuditAction.EVERYTHING_RESUME, AuditTarget.INSTALLATION):
        services().global_pause.resume()
    _show(services().global_pause.get(), in_json=in_json)


def _show(pause: Pause | None, *, in_json: bool) -> None:
    if in_json:
        found = {
            "paused_at": pause.since if pause else None,
            "paused_by": pause.by if pause else None,
            "reason": pause.reason if pause else "",
        }
        click.echo(as_json(found))
    else:
        click.echo(pause_in_words(pause) if pause else "Jobs can start.")
