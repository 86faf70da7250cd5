"""Files that were received with a form that was not accepted: kept for the next try.

The page carries a signed token instead of the file. It is bound to the user, the job type and
the field, and lasts a little less long than the store keeps files without a row.
"""

from dataclasses import asdict, replace
from datetime import timedelta
from uuid import UUID

from itsdangerous import BadData, URLSafeTimedSerializer

from webapp.jobs.files import FileStore, StoredFile
from webapp.views.texts import gettext as _

LASTS = timedelta(hours=23)


class NotStaged(Exception):
    """A staged file is fetched by whom it came from, for what it was for, within its time."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(_("The file that you sent before is no longer kept. Choose it again."))


class Staging:
    """The staged files of one user for one job type."""

    def __init__(
        self, files: FileStore, secret_key: str, *, user_id: UUID, type_name: str, lasts: timedelta = LASTS
    ) -> None:
        self._files = files
        self._lasts = lasts
        self._bound_to = [user_id.hex, type_name]
        self._serializer = URLSafeTimedSerializer(secret_key, salt="deskjob staged upload")

    def token(self, field: str, file: StoredFile) -> str:
        """Return what brings the file back for the same field."""
        return str(self._serializer.dumps([*self._bound_to, field, {**asdict(file), "id": file.id.hex}]))

    def peek(self, field: str, token: str) -> StoredFile:
        """Return the file that a token stands for; else raise `NotStaged`."""
        try:
            *bound_to, found = self._serializer.loads(token, max_age=int(self._lasts.total_seconds()))
        except BadData:
            raise NotStaged from None
        file = StoredFile(**{**found, "id": UUID(found["id"])})
        if bound_to != [*self._bound_to, field] or not self._files.path(file.id).exists():
            raise NotStaged
        return file

    def take(self, file: StoredFile) -> StoredFile:
        """Return a staged file as one of its own, so that sending a form twice works."""
        try:
            return replace(file, id=self._files.link(file.id))
        except FileNotFoundError:
            raise NotStaged from None
