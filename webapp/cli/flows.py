"""flows list, start, show, cancel and retry: graphs of jobs, described in a file of JSON."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any
from uuid import UUID

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import audited, record
from webapp.cli.command_group import BadUsage, Failed, loaded
from webapp.cli.context import is_remote, services
from webapp.cli.output import as_json, readable
from webapp.cli.parameters import in_json, owner_of_new_job, remote_services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webapp.jobs.flows.flow_document import FlowRequest

_flow_id = click.argument("flow_id", metavar="ID", type=click.UUID)


@click.command()
@click.argument("file", metavar="FILE", type=click.File("rb"))
@click.option("--as", "person", metavar="NAME", help="The user who owns the jobs. Default: the system.")
@in_json
def start(file: IO[bytes], person: str | None, *, in_json: bool) -> None:
    """Start a flow and print its ID. FILE is JSON as the API takes it, or - for standard input."""
    document = _read(file)
    if is_remote():
        owner_of_new_job(person, "")
        flow_id = remote_services().flows.start(document)
    else:
        flow_id = _start(document, person)
    click.echo(as_json(_document(flow_id)) if in_json else str(flow_id))


@click.command("list")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="At most this many.")
@in_json
def show_all(limit: int, *, in_json: bool) -> None:
    """List the newest flows."""
    found = _newest(limit)
    if in_json:
        click.echo(as_json(found))
    for flow in () if in_json else found:
        done, size = flow["counts"].get("completed", 0), sum(flow["counts"].values())
        click.echo(readable(f"{flow['id']}  {flow['status']:<10} {done:>5,} of {size:,} jobs done  {flow['title']}"))


def _newest(limit: int) -> list[dict[str, Any]]:
    if is_remote():
        return remote_services().flows.newest(limit)
    from webapp.jobs.flows.flow_document import flow_summary_document

    return [flow_summary_document(flow) for flow in services().queries.flows.newest(None, limit=limit)]


@click.command()
@_flow_id
@in_json
def show(flow_id: UUID, *, in_json: bool) -> None:
    """Show a flow with the status of each of its jobs."""
    _print(flow_id, in_json=in_json)


@click.command()
@_flow_id
@in_json
def cancel(flow_id: UUID, *, in_json: bool) -> None:
    """Stop the jobs of a flow that have not ended."""
    if is_remote():
        remote_services().flows.perform(flow_id, "cancel")
    else:
        flow = _find(flow_id)
        ids = [job.id for job in flow.jobs if not job.is_finished]
        if not ids:
            raise Failed("All jobs of the flow have ended.")
        with audited(AuditAction.FLOW_STOP, AuditTarget.FLOW, flow_id, name=flow.title, after={"jobs": len(ids)}):
            services().jobs.cancel_many(ids)
    _print(flow_id, in_json=in_json)


@click.command()
@_flow_id
@in_json
def retry(flow_id: UUID, *, in_json: bool) -> None:
    """Retry what did not complete of a flow, in its order."""
    if is_remote():
        remote_services().flows.perform(flow_id, "retry")
    else:
        flow = _find(flow_id)
        ids = [job.id for job in flow.jobs if job.is_finished and job.status != "completed" and job.may_run]
        if not ids:
            raise Failed("Nothing to retry: no job has failed or was stopped.")
        with audited(AuditAction.FLOW_RETRY, AuditTarget.FLOW, flow_id, name=flow.title, after={"jobs": len(ids)}):
            services().jobs.retry_flow(ids)
    _print(flow_id, in_json=in_json)


def _read(file: IO[bytes]) -> Any:
    try:
        return json.loads(file.read())
    except ValueError as error:
        raise BadUsage(f"The file is not valid JSON: {error}.") from None


def _start(document: Any, person: str | None) -> UUID:
    request = _request_of(document)
    owners = [owner_of_new_job(person, type_name) for type_name in dict.fromkeys(each.type for each in request.jobs)]
    with _refusals():
        flow = request.flow()
        flow_id: UUID = services().jobs.start_flow(flow, owner=owners[0], triggered_by=owners[0].user_id)
    after = {"jobs": len(flow.jobs), "as": person}
    record(AuditAction.FLOW_START, AuditTarget.FLOW, flow_id, name=flow.title, after=after)
    return flow_id


def _request_of(document: Any) -> FlowRequest:
    from pydantic import ValidationError

    from webapp.jobs.flows.flow_document import FlowRequest

    try:
        return FlowRequest.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadUsage(f"{pointer_of(first['loc'])}: {first['msg']}.") from None


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except loaded("webapp.jobs.flows.flow", "InvalidFlow") as error:
        place, why = _first_error(error)
        raise BadUsage(f"{pointer_of(place)}: {why}") from None


def _first_error(error: Any) -> tuple[tuple[str | int, ...], str]:
    """Return the place and the sentence of a refused flow, as the API names them."""
    for field, sentence in error.errors.items():
        return (*error.place, *filter(None, field.split("."))), sentence
    return error.place, str(error)


def pointer_of(place: Any) -> str:
    """Return a place in a document as a JSON pointer."""
    return "/".join(["#", *map(str, place)])


def _find(flow_id: UUID) -> Any:
    try:
        return services().queries.flows.get(flow_id)
    except loaded("webapp.jobs.flows.flow_queries", "FlowNotFound") as error:
        raise BadUsage(str(error)) from None


def _document(flow_id: UUID) -> dict[str, Any]:
    if is_remote():
        return remote_services().flows.document(flow_id)
    from webapp.jobs.flows.flow_document import flow_document

    return flow_document(_find(flow_id))


def _print(flow_id: UUID, *, in_json: bool) -> None:
    document = _document(flow_id)
    if in_json:
        click.echo(as_json(document))
        return
    click.echo(
        readable(f"{document['id']}  {document['status']:<10} {document['progress']:>5.1f} %  {document['title']}")
    )
    for job in document["jobs"]:
        after = ", ".join(_edge_in_words(edge) for edge in job["after"])
        line = f"{job['id']}  {job['status']:<10} {job['progress']:>5.1f} %  {job['type']:<20} {job['name']}"
        click.echo(readable(f"{line}{f', after {after}' if after else ''}"))


def _edge_in_words(edge: dict[str, str]) -> str:
    return edge["job"] if edge["on_failure"] == "cancel" else f"{edge['job']} ({edge['on_failure']})"
