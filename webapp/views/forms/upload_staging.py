"""What a form has brought as files: received now, or staged by an earlier try of the same form.

Files that were received with a form that was not accepted: kept for the next try.

The page carries a signed token instead of the file. It is bound to the user, the job type and
the field, and lasts a little less long than the store keeps files without a row.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from uuid import UUID

from itsdangerous import BadData, URLSafeTimedSerializer
from pydantic import BaseModel
from werkzeug.datastructures import FileStorage

from webapp.jobs.definition.upload_rules import UploadRule, upload_rule_of
from webapp.jobs.store.file_store import FileStore, StoredFile, clean_name
from webapp.views.forms.questions import field_specs
from webapp.views.text.translations import gettext as _

LASTS = timedelta(hours=23)


class StagedFileGone(Exception):
    """A staged file is fetched by whom it came from, for what it was for, within its time."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(_("The file you uploaded before is no longer available. Choose it again."))


class UploadStaging:
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
            raise StagedFileGone from None
        file = StoredFile(**{**found, "id": UUID(found["id"])})
        if bound_to != [*self._bound_to, field] or not self._files.path(file.id).exists():
            raise StagedFileGone
        return file

    def take(self, file: StoredFile) -> StoredFile:
        """Return a staged file as one of its own, so that sending a form twice works."""
        try:
            return replace(file, id=self._files.link(file.id))
        except FileNotFoundError:
            raise StagedFileGone from None


KEPT = ".kept"  # behind a field's name: no name of a field has a dot


@dataclass(slots=True)
class ReceivedFiles:
    """Files by field, those among them that were staged, and what is wrong with the others."""

    files: dict[str, StoredFile] = field(default_factory=dict)
    staged: set[str] = field(default_factory=set)
    errors: dict[str, str] = field(default_factory=dict)


class FileRefused(Exception):
    """A field takes some kinds of files, up to a size."""


def receive(
    payload_class: type[BaseModel],
    *,
    sent: Mapping[str, FileStorage],
    typed: Mapping[str, str],
    staging: UploadStaging,
) -> ReceivedFiles:
    """Keep the files that a form has sent, if their field takes them; a newly chosen one replaces a staged one."""
    brought = ReceivedFiles()
    for spec in field_specs(payload_class):
        name = spec.name
        try:
            if (file := sent.get(name)) and file.filename:
                brought.files[name] = _kept(file, file.filename, upload_rule_of(payload_class, name))
            elif token := typed.get(name + KEPT):
                brought.files[name] = staging.peek(name, token)
                brought.staged.add(name)
        except (FileRefused, StagedFileGone) as error:
            brought.errors[name] = str(error)
    return brought


def _kept(sent: FileStorage, filename: str, taken: UploadRule) -> StoredFile:
    if refusal := taken.refusal(clean_name(filename), sent.stream.size):  # type: ignore[attr-defined]
        raise FileRefused(refusal)
    file: StoredFile = sent.stream.keep(filename)  # type: ignore[attr-defined]
    return file
