"""start: a new job, with the same checks as on its form."""

from pathlib import Path
from typing import Any

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import note
from webapp.cli.command_group import BadUsage
from webapp.cli.context import services
from webapp.cli.jobs.wait import until_end
from webapp.cli.output import as_json
from webapp.cli.parameters import JOB, MOMENT, PAYLOAD, PERIOD, PRIORITY, in_json, owner_of
from webapp.jobs.model.job import Job
from webapp.jobs.model.policies import OnDuplicate
from webapp.jobs.store.file_store import FileTooLarge, StoredFile


@click.command()
@click.argument("type_name", metavar="TYPE")
@click.option("--payload", type=PAYLOAD, default="{}", help="The payload, in JSON.")
@click.option("--file", "paths", multiple=True, metavar="FIELD=PATH", help="A file for a field of the payload.")
@click.option("--as", "person", metavar="NAME", help="Whose job it is; by default the system's.")
@click.option("--delay", type=PERIOD, help="Start it later: 90s, 10m, 24h, 1d12h.")
@click.option("--at", "run_at", type=MOMENT, help="Start it then: 2026-12-01T18:30Z.")
@click.option("--priority", type=PRIORITY, help="Higher goes first; by default the type's.")
@click.option("--queue", help="Where it waits; by default the type's.")
@click.option("--unique", "unique_key", metavar="KEY", help="At most one unfinished job holds this key.")
@click.option(
    "--on-duplicate",
    type=click.Choice(list(OnDuplicate)),
    help="What becomes of it while another one holds its key; by default as its type says: reject.",
)
@click.option("--after", type=JOB, multiple=True, help="Start it when this job has completed; may be repeated.")
@click.option("--wait", is_flag=True, help="Wait for its end; exit status 1 unless it completes.")
@in_json
def start(
    type_name: str,
    payload: dict[str, Any],
    paths: tuple[str, ...],
    person: str | None,
    after: tuple[Job, ...],
    *,
    wait: bool,
    in_json: bool,
    **choices: Any,
) -> None:
    """Start a job and print its ID. An invalid payload is refused with a sentence for each field."""
    _check(choices)
    owner = owner_of(person, type_name)
    made = services().jobs.create_job(
        type_name,
        payload,
        owner=owner,
        triggered_by=owner.user_id,
        files=_received(paths),
        after=[one.id for one in after],
        **{name: value for name, value in choices.items() if value is not None},
    )
    note(AuditAction.JOB_CREATE, AuditTarget.JOB, made.id, name=made.title, after={"type": made.type, "as": person})
    if not (wait and in_json):
        click.echo(as_json(made.to_dict()) if in_json else str(made.id))
    if wait:
        until_end(made, in_json=in_json)


def _check(choices: dict[str, Any]) -> None:
    if choices["delay"] is not None and choices["run_at"] is not None:
        raise BadUsage("A job starts after a while or at a moment: give --delay or --at, not both.")


def _received(pairs: tuple[str, ...]) -> dict[str, StoredFile]:
    return dict(map(_receive, pairs))


def _receive(pair: str) -> tuple[str, StoredFile]:
    field, _, name = pair.partition("=")
    path = Path(name).expanduser()
    if not name or not path.is_file():
        raise BadUsage(f"--file {pair}: write FIELD=PATH, with the path of a file that exists.")
    try:
        with path.open("rb") as source:
            return field, services().files.receive(source, path.name, limit=services().settings.max_upload_bytes)
    except FileTooLarge as error:
        raise BadUsage(f"--file {pair}: {error} DESKJOB_MAX_UPLOAD_BYTES may allow more.") from None
    except PermissionError:
        raise BadUsage(f"--file {pair}: you may not read this file.") from None
