"""job types, list, show and children."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from webapp.cli.command_group import BadUsage
from webapp.cli.context import is_remote, services
from webapp.cli.output import as_json, job_in_words, print_jobs
from webapp.cli.parameters import JOB, in_json
from webapp.jobs.model.job import Job, Status
from webapp.jobs.model.tags import folded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from webapp.cli.remote.jobs import RemoteLists

_STATUS = click.Choice([status.value for status in Status])
_LIMIT = click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Maximum number of jobs.")


@click.command()
@in_json
def types(*, in_json: bool) -> None:
    """List the job types."""
    types = [{"name": each.name, "title": each.title, "queue": each.queue} for each in services().registry]
    click.echo(as_json(types) if in_json else "\n".join(f"{each['name']:<24} {each['title']}" for each in types))


@click.command("list")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice([status.value for status in Status]),
    help="Only jobs in this status. Can be repeated.",
)
@click.option("--type", "type_name", default="", metavar="TYPE", help="Only jobs of this type.")
@click.option("--owner", metavar="NAME", help="Only jobs of this user.")
@click.option("--tag", default="", help="Only jobs with this tag.")
@click.option("--warned", is_flag=True, help="Only jobs with warnings.")
@click.option("--filter", "filter_name", metavar="NAME", help="Only jobs of this saved filter, instead of the others.")
@_LIMIT
@in_json
def show_all(
    statuses: tuple[str, ...],
    type_name: str,
    owner: str | None,
    limit: int,
    *,
    tag: str,
    warned: bool,
    filter_name: str | None,
    in_json: bool,
) -> None:
    """List the newest jobs of all users."""
    if filter_name is not None:
        if statuses or type_name or owner is not None or warned or tag:
            raise BadUsage("--filter replaces the other filters. Use it alone.")
        print_jobs(_filtered(filter_name, limit), in_json=in_json)
        return
    owner_id = _id_of(owner) if owner is not None else None
    jobs = services().queries.all_jobs.newest(
        limit,
        statuses=tuple(map(Status, statuses)),
        type_name=type_name,
        owner_id=owner_id,
        warned=warned,
        tag=folded(tag),
    )
    print_jobs(jobs, in_json=in_json)


@click.command()
@click.argument("job", metavar="ID", type=JOB)
@in_json
def show(job: Job, *, in_json: bool) -> None:
    """Show a job."""
    may_start = services().queries.estimates.may_start(job) if job.waits_for_rate else None
    document = {**job.to_dict(), "may_start_at": may_start}
    click.echo(as_json(document) if in_json else job_in_words(job, _owner_of(job), may_start))


@click.command()
@click.argument("root", metavar="ID", type=JOB)
@_LIMIT
@in_json
def children(root: Job, limit: int, *, in_json: bool) -> None:
    """List the child jobs of a job. The oldest comes first."""
    jobs = services().queries.related.children(root.id, limit=limit)
    print_jobs(jobs, in_json=in_json)
    if root.parts > len(jobs):
        click.echo(f"{len(jobs):,} of {root.parts:,} child jobs are listed. Use --limit to list more.", err=True)


def _filtered(name: str, limit: int) -> Sequence[Job]:
    """Return the newest jobs of a saved filter: of a shared one on this machine, of those of a token's account."""
    if is_remote():
        return cast("RemoteLists", services().queries.all_jobs).filtered(name, limit)
    from webapp.cli.jobs.saved_filter import filtered_jobs  # builds the pages, which know what a filter means

    return filtered_jobs(name, limit)


def _owner_of(job: Job) -> str:
    if job.owner.user_id is None:
        return "the system"
    owner = services().accounts.get(job.owner.user_id)
    return owner.name if owner else str(job.owner.user_id)


def _id_of(name: str) -> UUID:
    user = services().accounts.by_name(name)
    if user is None:
        raise BadUsage(f"There is no account named {name}. See `deskjob user list`.")
    return user.id
