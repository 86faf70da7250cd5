"""job start: create a job, with the same checks as on its form."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import record
from webapp.cli.command_group import BadUsage, loaded
from webapp.cli.context import services
from webapp.cli.jobs.wait import until_end
from webapp.cli.output import as_json
from webapp.cli.parameters import JOB, MOMENT, PAYLOAD, PERIOD, PRIORITY, TAGS, check_group, in_json, owner_of_new_job
from webapp.jobs.model.job import Job
from webapp.jobs.model.policies import OnDuplicate

if TYPE_CHECKING:
    from webapp.jobs.store.file_store import StoredFile


@click.command()
@click.argument("type_name", metavar="TYPE")
@click.option("--payload", type=PAYLOAD, default="{}", help="The payload as a JSON object. Default: {}.")
@click.option(
    "--preset", metavar="NAME", help="A preset of the form (on the machine: a shared one). --payload adds to it."
)
@click.option(
    "--file",
    "paths",
    multiple=True,
    metavar="FIELD=PATH",
    help="A file for a payload field, such as table=may.csv. Can be repeated, also for a field that takes several.",
)
@click.option("--as", "person", metavar="NAME", help="The user who owns the job. Default: the system.")
@click.option("--delay", type=PERIOD, help="Start after this time: 90s, 10m, 24h, 1d12h.")
@click.option("--at", "run_at", type=MOMENT, help="Start at this time: 2026-12-01T18:30Z.")
@click.option("--priority", type=PRIORITY, help="Higher priorities run first. Default: that of the job type.")
@click.option("--queue", help="Name of the queue. Default: that of the job type.")
@click.option("--unique", "unique_key", metavar="KEY", help="Unique key: only one unfinished job can have it.")
@click.option(
    "--on-duplicate",
    type=click.Choice([value.value for value in OnDuplicate]),
    help="What to do if an unfinished job has the unique key. Default: that of the job type, or reject.",
)
@click.option("--after", type=JOB, multiple=True, help="Start when this job has completed. Can be repeated.")
@click.option("--tags", type=TAGS, metavar="A,B", help="Words to find the job again, with commas between them.")
@click.option("--share-with", "shared_with", metavar="GROUP", help="The group whose members can read the job.")
@click.option("--wait", is_flag=True, help="Wait until the job ends. Exit status 1 unless it completes.")
@in_json
def start(
    type_name: str,
    payload: dict[str, Any],
    paths: tuple[str, ...],
    person: str | None,
    after: tuple[Job, ...],
    *,
    preset: str | None,
    wait: bool,
    in_json: bool,
    **options: Any,
) -> None:
    """Start a job and print its ID. An invalid payload is refused with a sentence for each field."""
    _check(options)
    owner = owner_of_new_job(person, type_name)
    check_group(owner, type_name, options["shared_with"])
    if preset is not None:
        payload = {**services().form_presets.shared_named(type_name, preset).values, **payload}
    job = services().jobs.create_job(
        type_name,
        payload,
        owner=owner,
        triggered_by=owner.user_id,
        files=_received(paths),
        after=[earlier.id for earlier in after],
        **{name: value for name, value in options.items() if value is not None},
    )
    record(AuditAction.JOB_CREATE, AuditTarget.JOB, job.id, name=job.title, after={"type": job.type, "as": person})
    if not (wait and in_json):
        click.echo(as_json(job.to_dict()) if in_json else str(job.id))
    if wait:
        until_end(job, in_json=in_json)


def _check(options: dict[str, Any]) -> None:
    if options["delay"] is not None and options["run_at"] is not None:
        raise BadUsage("Give --delay or --at, not both.")


def _received(pairs: tuple[str, ...]) -> dict[str, list[StoredFile]]:
    received: dict[str, list[StoredFile]] = {}
    for field, file in map(_receive, pairs):
        received.setdefault(field, []).append(file)
    return received


def _receive(pair: str) -> tuple[str, StoredFile]:
    field, _, name = pair.partition("=")
    path = Path(name).expanduser()
    if not name or not path.is_file():
        raise BadUsage(f"--file {pair}: write FIELD=PATH with the path of an existing file.")
    try:
        with path.open("rb") as source:
            return field, services().files.receive(source, path.name, limit=services().settings.max_upload_bytes)
    except loaded("webapp.jobs.store.file_store", "FileTooLarge") as error:
        raise BadUsage(f"--file {pair}: {error} DESKJOB_MAX_UPLOAD_BYTES sets the limit.") from None
    except PermissionError:
        raise BadUsage(f"--file {pair}: permission denied.") from None
