"""Where the bytes of an upload go while they come in, as Werkzeug's parser wants it."""

from webapp.jobs.files import Draft, StoredFile


class ToDisk:
    """A file while it comes in; `keep` makes it last."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    @property
    def size(self) -> int:
        """How many bytes have come so far."""
        return self._draft.size

    def write(self, data: bytes) -> int:
        """Take more; `FileTooLarge` ends it."""
        return self._draft.write(data)

    def seek(self, *_: int) -> int:
        """Do nothing: nobody reads it here."""
        return 0

    def keep(self, name: str) -> StoredFile:
        """Make it a whole file; its type is guessed from the name, never believed."""
        return self._draft.keep(name)

    def close(self) -> None:
        """Remove it unless it was kept."""
        self._draft.discard()


class Nowhere:
    """Takes the bytes of a file that nobody expects."""

    size = 0

    def write(self, data: bytes) -> int:
        """Forget them."""
        return len(data)

    def seek(self, *_: int) -> int:
        """Do nothing."""
        return 0

    def close(self) -> None:
        """Do nothing."""
