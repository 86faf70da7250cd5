"""job: start jobs and look at them. The same checks as on the pages."""

import json
import sys
from pathlib import Path
from typing import NoReturn
from uuid import UUID

import click

from webapp.commands.current import services
from webapp.commands.printing import as_json, line, print_job
from webapp.jobs.files import StoredFile
from webapp.jobs.job import Job, Owner
from webapp.jobs.job_type import InvalidPayload, UnknownJobType
from webapp.jobs.store import JobNotFound

BAD_USAGE = 2


@click.group()
def job() -> None:
    """Start jobs and look at them."""


@job.command()
@click.option("--json", "in_json", is_flag=True)
def types(*, in_json: bool) -> None:
    """List what can be started."""
    known = [{"name": kind.name, "title": kind.title, "queue": kind.queue} for kind in services().registry]
    click.echo(as_json(known) if in_json else "\n".join(f"{kind['name']:<24} {kind['title']}" for kind in known))


@job.command("list")
@click.option("--limit", default=50, show_default=True)
@click.option("--json", "in_json", is_flag=True)
def show_all(limit: int, *, in_json: bool) -> None:
    """List the newest jobs of everybody."""
    found = services().jobs.newest(limit)
    click.echo(as_json([one.to_dict() for one in found]) if in_json else "\n".join(map(line, found)))


@job.command()
@click.argument("job_id")
@click.option("--json", "in_json", is_flag=True)
def show(job_id: str, *, in_json: bool) -> None:
    """Show one job."""
    found = _job(job_id)
    click.echo(as_json(found.to_dict()) if in_json else print_job(found))


@job.command()
@click.argument("type_name", metavar="TYPE")
@click.option("--payload", default="{}", help="The payload, in JSON.")
@click.option("--file", "paths", multiple=True, metavar="FIELD=PATH", help="A file for a field of the payload.")
@click.option("--as", "person", help="Whose job it is; by default the system's.")
@click.option("--json", "in_json", is_flag=True)
def start(type_name: str, payload: str, paths: tuple[str, ...], person: str | None, *, in_json: bool) -> None:
    """Start a job; a payload that does not fit is refused with a sentence per field."""
    owner = _owner(person, type_name)
    try:
        values = json.loads(payload)
        files = _received(paths)
        made = services().jobs.create_job(type_name, values, owner=owner, triggered_by=owner.user_id, files=files)
    except json.JSONDecodeError as error:
        _refuse(f"--payload is no JSON: {error}.")
    except (InvalidPayload, UnknownJobType) as error:
        _refuse(str(error))
    click.echo(as_json(made.to_dict()) if in_json else str(made.id))


@job.command()
@click.argument("job_id")
def log(job_id: str) -> None:
    """Print a job's log."""
    last = 0
    while lines := services().jobs.log(_job(job_id).id, after=last):
        for entry in lines:
            click.echo(f"{entry.at:%Y-%m-%d %H:%M:%S} {entry.level:<8} {entry.text}")
        last = lines[-1].id


@job.command()
@click.argument("job_id")
@click.option("--download", type=click.Path(file_okay=False, path_type=Path), help="Copy the files there.")
@click.option("--json", "in_json", is_flag=True)
def files(job_id: str, download: Path | None, *, in_json: bool) -> None:
    """List a job's files, or copy them."""
    found = services().jobs.attachments(_job(job_id).id)
    if in_json:
        click.echo(as_json([{"id": file.id, "name": file.name, "size": file.size, "sha256": file.sha256,
                             "role": file.role} for file in found]))  # fmt: skip
    for file in () if in_json else found:
        click.echo(f"{file.role:<6} {file.size:>12} {file.name}")
    for file in found if download else ():
        assert download is not None  # noqa: S101
        download.mkdir(parents=True, exist_ok=True)
        with services().files.open(file.id) as source, (download / file.name).open("xb") as target:
            while chunk := source.read(65536):
                target.write(chunk)


def _job(text: str) -> Job:
    try:
        return services().jobs.get(UUID(text))
    except (ValueError, JobNotFound):
        _refuse(f"There is no job {text}.")


def _owner(person: str | None, type_name: str) -> Owner:
    if person is None:
        return Owner(public=True)
    found = services().accounts.by_name(person)
    if found is None or not found.active:
        _refuse(f"There is no active account named {person}.")
    registry = services().registry
    if type_name in registry and not registry.get(type_name).may_be_started_by(found.role):
        _refuse(f"{person} may not start {type_name}: it is for {', '.join(sorted(registry.get(type_name).roles))}.")
    return Owner(user_id=found.id, tenant=found.tenant)


def _received(pairs: tuple[str, ...]) -> dict[str, StoredFile]:
    received: dict[str, StoredFile] = {}
    for pair in pairs:
        field, _, name = pair.partition("=")
        path = Path(name).expanduser()
        if not name or not path.is_file():
            _refuse(f"--file {pair}: write FIELD=PATH, with the path of a file that exists.")
        with path.open("rb") as source:
            received[field] = services().files.receive(source, path.name)
    return received


def _refuse(sentence: str) -> NoReturn:
    click.echo(f"deskjob: {sentence}", err=True)
    sys.exit(BAD_USAGE)
