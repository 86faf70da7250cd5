"""The files that a job was given, by the field that asked for them."""

from collections.abc import Mapping
from typing import BinaryIO

from webapp.jobs.definition.job_type import JobError
from webapp.jobs.store.attachments import Attachment
from webapp.jobs.store.file_store import FileStore

NOT_KEPT = "The input file %(name)s was deleted. Run the job again with a new file."


class InputFile:
    """A file that the job was given."""

    def __init__(self, files: FileStore, attachment: Attachment) -> None:
        self.name = attachment.name
        self.size = attachment.size
        self.media_type = attachment.media_type
        self._id = attachment.id
        self._files = files

    def open(self) -> BinaryIO:
        """Open it for reading, from its beginning."""
        return self._files.open(self._id)


class Inputs(dict[str, InputFile]):
    """Those that are there. One that is kept no longer is missed in a sentence, one never given as by any dict."""

    def __init__(self, there: Mapping[str, InputFile], given: Mapping[str, str]) -> None:
        """Take what is there, and how each file was named that the job was given."""
        super().__init__(there)
        self._given = given

    def __missing__(self, field: str) -> InputFile:
        """Say to the job's owner why it cannot go on."""
        if field in self._given:
            raise JobError(NOT_KEPT % {"name": self._given[field]})
        raise KeyError(field)
