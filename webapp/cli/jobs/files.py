"""job files: list or download the input and output files of a job."""

from __future__ import annotations

from pathlib import Path
from shutil import copyfileobj
from typing import TYPE_CHECKING

import click

from webapp.cli.command_group import BadUsage, Failed
from webapp.cli.context import services
from webapp.cli.output import as_json
from webapp.cli.parameters import JOB, in_json
from webapp.jobs.model.job import Job
from webapp.jobs.store.file_names import distinct_names

if TYPE_CHECKING:
    from webapp.jobs.store.attachments import Attachment


@click.command()
@click.argument("job", metavar="ID", type=JOB)
@click.option(
    "--download", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Copy the files to this folder."
)
@in_json
def files(job: Job, download: Path | None, *, in_json: bool) -> None:
    """List or download the files of a job."""
    attachments = services().jobs.attachments(job.id)
    if download:
        _copy(attachments, download)
    if in_json:
        click.echo(as_json([_facts(file) for file in attachments]))
    else:
        for file in attachments:
            until = f"  until {file.expires_at:%Y-%m-%d %H:%M} UTC" if file.expires_at else ""
            click.echo(f"{file.role:<6} {file.size:>12} {file.name}{until}")


def _copy(attachments: tuple[Attachment, ...], folder: Path) -> None:
    paths = [folder / name for name in distinct_names(file.name for file in attachments)]
    if taken := next((path for path in paths if path.exists()), None):
        raise BadUsage(f"{taken} already exists. Choose another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    for file, path in zip(attachments, paths, strict=True):
        try:
            with services().files.open(file.id) as source, path.open("xb") as target:
                copyfileobj(source, target)
        except FileNotFoundError:
            raise Failed(f"{file.name} is missing on disk. Run the job again to create it again.") from None


def _facts(file: Attachment) -> dict[str, object]:
    return {
        "id": file.id,
        "name": file.name,
        "size": file.size,
        "sha256": file.sha256,
        "role": file.role,
        "expires_at": file.expires_at,
    }
