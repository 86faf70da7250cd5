"""job keep, keep-no-longer, run-next, tags, share, unshare, make-public and make-private."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import audited
from webapp.cli.command_group import BadUsage, Failed, loaded
from webapp.cli.context import services
from webapp.cli.jobs.actions import each_job
from webapp.cli.output import print_jobs
from webapp.cli.parameters import JOB, TAGS, in_json
from webapp.jobs.model.job import Job

_jobs = click.argument("jobs", metavar="ID...", nargs=-1, required=True, type=JOB)


@click.command()
@_jobs
@in_json
def keep(jobs: tuple[Job, ...], *, in_json: bool) -> None:
    """Keep jobs. They are not deleted on their normal schedule."""
    _change(jobs, AuditAction.JOB_KEEP, services().admin_jobs.pin, {"kept": True}, in_json=in_json)


@click.command("keep-no-longer")
@_jobs
@in_json
def keep_no_longer(jobs: tuple[Job, ...], *, in_json: bool) -> None:
    """Delete kept jobs on their normal schedule again."""
    _change(jobs, AuditAction.JOB_KEEP, services().admin_jobs.unpin, {"kept": False}, in_json=in_json)


@click.command("run-next")
@_jobs
@in_json
def run_next(jobs: tuple[Job, ...], *, in_json: bool) -> None:
    """Move waiting jobs to the front of their queues."""
    _change(jobs, AuditAction.JOB_PRIORITY, services().admin_jobs.run_next, {"next": True}, in_json=in_json)


@click.command("make-public")
@_jobs
@in_json
def make_public(jobs: tuple[Job, ...], *, in_json: bool) -> None:
    """Show jobs of the system to every user."""
    _change(jobs, AuditAction.JOB_PUBLIC, _shown(public=True), {"public": True}, in_json=in_json)


@click.command("make-private")
@_jobs
@in_json
def make_private(jobs: tuple[Job, ...], *, in_json: bool) -> None:
    """Hide jobs of the system from other users."""
    _change(jobs, AuditAction.JOB_PUBLIC, _shown(public=False), {"public": False}, in_json=in_json)


@click.command()
@_jobs
@click.option("--set", "new", type=TAGS, metavar="A,B|none", help="Replace all tags. 'none' removes them.")
@click.option("--add", "added", type=TAGS, metavar="A,B", default=(), help="Add tags.")
@click.option("--remove", "removed", type=TAGS, metavar="A,B", default=(), help="Remove tags.")
@in_json
def tags(
    jobs: tuple[Job, ...],
    new: tuple[str, ...] | None,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    *,
    in_json: bool,
) -> None:
    """Change the tags of jobs. Set them, or add and remove some."""
    if (new is not None) == bool(added or removed):
        raise BadUsage("Give --set, or --add and --remove.")
    done, refused = [], []
    for job in jobs:
        wanted = sorted({*job.tags, *added} - {*removed} if new is None else new)
        change = {"before": {"tags": list(job.tags)}, "after": {"tags": wanted}}
        try:
            with audited(AuditAction.JOB_TAGS, AuditTarget.JOB, job.id, name=job.title, **change):
                done.append(services().admin_jobs.set_tags(job.id, wanted))
        except loaded("webapp.jobs.lifecycle.create", "BadRequest") as error:
            refused.append(f"{job.short_id}: {error}")
    print_jobs(done, in_json=in_json)
    if refused:
        raise Failed("\n".join(refused))


@click.command()
@_jobs
@click.option("--with", "group", metavar="GROUP", required=True, help="The name of the group.")
@in_json
def share(jobs: tuple[Job, ...], group: str, *, in_json: bool) -> None:
    """Share jobs with a group, whose members can then read them."""
    _share(jobs, group, in_json=in_json)


@click.command()
@_jobs
@in_json
def unshare(jobs: tuple[Job, ...], *, in_json: bool) -> None:
    """Share jobs with no group any more."""
    _share(jobs, None, in_json=in_json)


def _share(jobs: tuple[Job, ...], group: str | None, *, in_json: bool) -> None:
    _change(
        jobs,
        AuditAction.JOB_SHARE,
        lambda job_id: services().admin_jobs.share(job_id, group),
        {"shared_with": group},
        in_json=in_json,
    )


def _shown(*, public: bool) -> Callable[[UUID], Job]:
    return lambda job_id: services().admin_jobs.set_public(job_id, public=public)


def _change(
    jobs: tuple[Job, ...], action: AuditAction, verb: Callable[[UUID], Job], after: dict[str, Any], *, in_json: bool
) -> None:
    with each_job(jobs, action, verb, after=after) as done:
        print_jobs(done, in_json=in_json)
