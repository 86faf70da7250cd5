"""What there is: types, jobs, one job, its parts."""

from uuid import UUID

import click

from webapp.cli.command_group import BadUsage
from webapp.cli.context import services
from webapp.cli.output import as_json, job_in_words, print_jobs
from webapp.cli.parameters import JOB, in_json
from webapp.jobs.model.job import Job, Status

_LIMIT = click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many at most.")


@click.command()
@in_json
def types(*, in_json: bool) -> None:
    """List the job types."""
    known = [{"name": kind.name, "title": kind.title, "queue": kind.queue} for kind in services().registry]
    click.echo(as_json(known) if in_json else "\n".join(f"{kind['name']:<24} {kind['title']}" for kind in known))


@click.command("list")
@click.option("--status", "statuses", multiple=True, type=click.Choice([one.value for one in Status]))
@click.option("--type", "type_name", default="", metavar="TYPE", help="Of this job type.")
@click.option("--owner", metavar="NAME", help="Of this person.")
@click.option("--warned", is_flag=True, help="With warnings.")
@_LIMIT
@in_json
def show_all(
    statuses: tuple[str, ...], type_name: str, owner: str | None, limit: int, *, warned: bool, in_json: bool
) -> None:
    """List the newest jobs of all users."""
    wanted = tuple(map(Status, statuses))
    owner_id = _id_of(owner) if owner is not None else None
    found = services().queries.all_jobs.newest(
        limit, statuses=wanted, type_name=type_name, owner_id=owner_id, warned=warned
    )
    print_jobs(found, in_json=in_json)


@click.command()
@click.argument("one", metavar="ID", type=JOB)
@in_json
def show(one: Job, *, in_json: bool) -> None:
    """Show a job."""
    click.echo(as_json(one.to_dict()) if in_json else job_in_words(one, _owner_of(one)))


@click.command()
@click.argument("root", metavar="ID", type=JOB)
@_LIMIT
@in_json
def children(root: Job, limit: int, *, in_json: bool) -> None:
    """List the child jobs of a job. The oldest comes first."""
    found = services().queries.related.children(root.id, limit=limit)
    print_jobs(found, in_json=in_json)
    if root.parts > len(found):
        click.echo(f"{len(found):,} of {root.parts:,} are listed; --limit lists more.", err=True)


def _owner_of(job: Job) -> str:
    if job.owner.user_id is None:
        return "the system"
    owner = services().accounts.get(job.owner.user_id)
    return owner.name if owner else str(job.owner.user_id)


def _id_of(name: str) -> UUID:
    person = services().accounts.by_name(name)
    if person is None:
        raise BadUsage(f"There is no account named {name}. See `deskjob user list`.")
    return person.id
