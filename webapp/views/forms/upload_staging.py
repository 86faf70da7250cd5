"""Receives the files of a form and stages those of a rejected form for the next attempt.

The page carries a signed token instead of the file. It is bound to the user, the job type and the
field, and expires a little before the store deletes files without a row. A user has a quota for staged files:
beyond it, the files of earlier forms are deleted at once.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from itsdangerous import BadData, URLSafeTimedSerializer
from pydantic import BaseModel
from werkzeug.datastructures import FileStorage, MultiDict

from webapp.jobs.definition.upload_rules import UploadRule, upload_rules
from webapp.jobs.store.file_names import clean_name
from webapp.jobs.store.file_store import FileStore, StoredFile
from webapp.views.text.translations import gettext as _

LASTS = timedelta(hours=23)
QUOTA = 64 * 1024**2  # bytes of all staged files of a user; only the files of one form can be larger


class StagedFileGone(Exception):
    """Raised when a staged file has expired or belongs to another user, job type or field."""

    def __init__(self) -> None:
        """Create the message for the user."""
        super().__init__(_("The file you uploaded before is no longer available. Choose it again."))


class UploadStaging:
    """The staged files of one user for one job type."""

    def __init__(
        self, files: FileStore, secret_keys: Sequence[str], *, user_id: UUID, type_name: str, lasts: timedelta = LASTS
    ) -> None:
        self._files = files
        self._user_id = user_id
        self._lasts = lasts
        self._bound_to = [user_id.hex, type_name]
        self._serializer = URLSafeTimedSerializer([*reversed(secret_keys)], salt="deskjob staged upload")

    def stage(self, files: Collection[StoredFile], earlier: Collection[UUID] = ()) -> None:
        """Keep the new files of a rejected form, and of older files the newest ones that fit in the quota.

        ``earlier`` are files that the form has kept from its last attempt; they count as newer than those of other
        forms. Files of jobs among them, which a form that copies a job has, are no staged files.
        """
        new, used = {file.id for file in files}, 0
        known = {file_id for file_id, _ in self._files.staged(self._user_id)} if earlier else set()
        of_this_form = known.intersection(earlier) | new
        for file_id in of_this_form:
            self._files.stage(self._user_id, file_id)
        newest_first = self._files.staged(self._user_id)
        # files of another form may have the same time: the clock of a file system moves every few milliseconds
        for file_id, size in sorted(newest_first, key=lambda each: each[0] not in of_this_form):
            used += size
            if used > QUOTA and file_id not in new:
                self._files.remove_staged(self._user_id, file_id)

    def token(self, field: str, file: StoredFile) -> str:
        """Return a token that gives the file back to the same field."""
        return str(self._serializer.dumps([*self._bound_to, field, {**asdict(file), "id": file.id.hex}]))

    def peek(self, field: str, token: str) -> StoredFile:
        """Return the file of a token; raise `StagedFileGone` if it is not available."""
        try:
            (*bound_to, found), signed_at = self._serializer.loads(token, return_timestamp=True)
        except BadData:
            raise StagedFileGone from None
        if abs(datetime.now(UTC) - signed_at) > self._lasts:  # the server that signed it can have another clock
            raise StagedFileGone
        file = StoredFile(**{**found, "id": UUID(found["id"])})
        if bound_to != [*self._bound_to, field] or not self._files.has(file.id):
            raise StagedFileGone
        return file

    def take(self, file: StoredFile) -> StoredFile:
        """Return a new file with the same content, so that submitting a form twice works."""
        try:
            return replace(file, id=self._files.link(file.id))
        except FileNotFoundError:
            raise StagedFileGone from None


KEPT = ".kept"  # suffix of the name of an upload, which has no fields inside


@dataclass(slots=True)
class ReceivedFiles:
    """Files by field, the ids of those that were staged before, and errors by field."""

    files: dict[str, tuple[StoredFile, ...]] = field(default_factory=dict)
    staged: set[UUID] = field(default_factory=set)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def new(self) -> tuple[StoredFile, ...]:
        """The files that came with this request."""
        return tuple(file for files in self.files.values() for file in files if file.id not in self.staged)

    def discard(self, store: FileStore, used: Collection[StoredFile] = ()) -> None:
        """Delete the new files that are not used: nothing refers to them."""
        for file in self.new:
            if file not in used:
                store.remove(file.id)


class TakenFiles:
    """The files that a new job gets: a new one as it is, a staged one as a copy, which is deleted without the job."""

    def __init__(self, staging: UploadStaging, received: ReceivedFiles) -> None:
        self._staging = staging
        self._received = received
        self._copies: list[StoredFile] = []

    def add(self, file: StoredFile) -> StoredFile:
        """Return the file for the job; raise `StagedFileGone` if it is not available."""
        if file.id not in self._received.staged:
            return file
        self._copies.append(self._staging.take(file))
        return self._copies[-1]

    def discard(self, store: FileStore) -> None:
        """Delete the copies: no job has them."""
        for copy in self._copies:
            store.remove(copy.id)


class FileRefused(Exception):
    """Raised when a field does not accept the type or size of a file."""


def receive(
    payload_class: type[BaseModel],
    *,
    sent: MultiDict[str, FileStorage],
    typed: MultiDict[str, str],
    staging: UploadStaging,
    largest: int,
) -> ReceivedFiles:
    """Keep the submitted files that their fields accept; ``largest`` is the installation's limit for one file.

    A new file replaces a staged one; where a field takes several, it is added to them.
    """
    brought = ReceivedFiles()
    for name, rule in upload_rules(payload_class).items():
        given = [file for file in sent.getlist(name) if file.filename]
        staged = [] if given and not rule.is_list else typed.getlist(name + KEPT)
        files: list[StoredFile] = []
        for read, parts in ((partial(_peeked, brought, staging, name), staged), (partial(_kept, rule), given)):
            for part in parts:
                try:
                    files.append(read(part))
                except (FileRefused, StagedFileGone) as error:
                    brought.errors.setdefault(name, str(error))
        if refusal := rule.refusal_of_all(files, largest):
            brought.errors.setdefault(name, refusal)
        if files:
            brought.files[name] = tuple(files)
    return brought


def _peeked(brought: ReceivedFiles, staging: UploadStaging, name: str, token: str) -> StoredFile:
    file = staging.peek(name, token)
    brought.staged.add(file.id)
    return file


def _kept(rule: UploadRule, sent: FileStorage) -> StoredFile:
    filename = sent.filename or ""
    if refusal := rule.refusal(clean_name(filename), sent.stream.size):  # type: ignore[attr-defined]
        raise FileRefused(refusal)
    file: StoredFile = sent.stream.keep(filename)  # type: ignore[attr-defined]
    return file
