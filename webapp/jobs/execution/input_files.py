"""The input files of a job, by the payload field that they belong to."""

from collections.abc import Mapping
from typing import BinaryIO

from webapp.jobs.definition.job_type import JobError
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
    """The existing input files by field. A deleted file raises `JobError`, an unknown field ``KeyError``."""

    def __init__(self, existing: Mapping[str, InputFile], submitted: Mapping[str, str]) -> None:
        """Take the files that still exist, and the names of all files with which the job was started."""
        super().__init__(existing)
        self._submitted = submitted

    def __missing__(self, field: str) -> InputFile:
        """Tell the job's owner why the job cannot continue."""
        if field in self._submitted:
            raise JobError(DELETED % {"name": self._submitted[field]})
        raise KeyError(field)
