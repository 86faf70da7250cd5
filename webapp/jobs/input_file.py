"""A file that a job was given, as its handler sees it."""

from typing import BinaryIO

from webapp.jobs.attachments import Attachment
from webapp.jobs.files import FileStore


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
