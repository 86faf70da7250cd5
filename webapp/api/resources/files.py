"""The files of a job: their list and their content."""

from typing import Any, Literal
from uuid import UUID

from flask import abort
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from webapp.accounts.tokens import Scope
from webapp.api.lists import LINK, LimitQuery, Page, page_reply
from webapp.api.operations import Answer, Operations
from webapp.jobs.model.job import Job
from webapp.jobs.store.attachments import Attachment
from webapp.views.job import files
from webapp.views.job_list.row import is_unavailable
from webapp.views.page.problem_details import API_ROOT
from webapp.views.page.public_path import public_url_of
from webapp.views.page.request import job_policy, services, viewer

operations = Operations("files")
JOB = "/jobs/<uuid:job_id>"


class FileDocument(BaseModel):
    """A file of a job. A deleted one stays listed, and its content answers 410."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    job_id: UUID
    url: str = Field(description="The path of its content in the API.")
    role: Literal["input", "output"]
    attempt: int
    name: str
    media_type: str
    size: int = Field(description="Bytes.")
    sha256: str
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    deleted: bool


class FilesQuery(LimitQuery):
    """Which page of the files."""

    after: UUID | None = Field(default=None, description="Files after this one: the next page.")


@operations.add(
    "GET",
    f"{JOB}/files",
    scope=Scope.READ,
    query=FilesQuery,
    answers={200: Answer(model=Page[FileDocument], description="The files, oldest first.", headers=LINK)},
)
def list_files(job_id: UUID, query: FilesQuery) -> Any:
    """List the files of a job."""
    job, now = openable(job_id), services().queries.jobs.now()
    found = services().queries.files.all_attachments(job.id, after=query.after, limit=query.limit + 1)
    shown = found[: query.limit]
    documents = [_document(file, deleted=is_unavailable(file, now)) for file in shown]
    return page_reply(documents, following={"after": shown[-1].id} if len(found) > query.limit else None)


@operations.add(
    "GET",
    f"{JOB}/files/<uuid:file_id>",
    scope=Scope.READ,
    answers={
        200: Answer(media_type="application/octet-stream", description="The content.", headers=("ETag",)),
        206: Answer(media_type="application/octet-stream", description="The requested range of it."),
        410: Answer(description="The file was deleted.", media_type="application/problem+json"),
    },
)
def download_file(job_id: UUID, file_id: UUID) -> Any:
    """Download a file of a job.

    With the header `Range`, a part of it: an interrupted download continues where it ended.
    """
    return files.download(job_id, file_id)


def openable(job_id: UUID) -> Job:
    """Return a job that the user can open; end the request with 404 otherwise."""
    job = services().queries.jobs.get_visible(viewer(), job_id)
    return job if job_policy().may_open(job) else abort(404)


def _document(file: Attachment, *, deleted: bool) -> dict[str, Any]:
    names = ("id", "job_id", "role", "attempt", "name", "media_type", "size", "sha256", "created_at", "expires_at")
    url = public_url_of(f"{API_ROOT}/jobs/{file.job_id}/files/{file.id}")
    return {**{name: getattr(file, name) for name in names}, "url": url, "deleted": deleted}
