"""The input files of a job, by the payload field that they belong to."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from webapp.jobs.definition.field_specs import upload_specs
from webapp.jobs.definition.job_type import JobError, JobType
from webapp.jobs.store.attachments import Attachment
from webapp.jobs.store.file_store import FileStore

DELETED = "The input file %(name)s was deleted. Run the job again with a new file."


class InputFile:
    """An input file of a job."""

    def __init__(self, files: FileStore, attachment: Attachment) -> None:
        self.name = attachment.name
        self.size = attachment.size
        self.media_type = attachment.media_type
        self._id = attachment.id
        self._files = files

    def open(self) -> BinaryIO:
        """Open the file for reading, from its beginning."""
        return self._files.open(self._id)


class Inputs(dict[str, InputFile]):
    """The existing input files by field: the only file of a field, or the first one of a list.

    A deleted file raises `JobError`, an unknown field ``KeyError``.
    """

    def __init__(self, submitted: Mapping[str, Sequence[tuple[str, InputFile | None]]]) -> None:
        """Take the files with which the job was started, by field, with their names; None for a deleted one."""
        first = {field: files[0][1] for field, files in submitted.items() if files}
        super().__init__({field: file for field, file in first.items() if file is not None})
        self._submitted = submitted

    def __missing__(self, field: str) -> InputFile:
        """Tell the job's owner why the job cannot continue."""
        if files := self._submitted[field]:
            raise _deleted(files[0][0])
        raise KeyError(field)

    def getlist(self, field: str) -> list[InputFile]:
        """Return all files of a field, in the order in which they were chosen."""
        return [file or _raise_deleted(name) for name, file in self._submitted[field]]


def inputs_of(
    job_type: JobType, payload: Mapping[str, Any], attached: Sequence[Attachment], store: FileStore
) -> Inputs:
    """Return the input files that a stored payload describes; ``attached`` are the files of the job."""
    by_content = {(file.sha256, file.name): file for file in attached if file.role == "input"}

    def input_file(upload: Mapping[str, Any]) -> tuple[str, InputFile | None]:
        attachment = by_content.get((upload["sha256"], upload["name"]))
        return upload["name"], InputFile(store, attachment) if attachment else None

    fields = upload_specs(job_type.payload_class)
    return Inputs({spec.name: [*map(input_file, uploads_in(spec.value_in(payload)))] for spec in fields})


def uploads_in(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the uploads that a stored value of a field describes."""
    for upload in value if isinstance(value, list) else [value]:
        if isinstance(upload, Mapping):
            yield upload


def _deleted(name: str) -> JobError:
    return JobError(DELETED % {"name": name})


def _raise_deleted(name: str) -> InputFile:
    raise _deleted(name)
