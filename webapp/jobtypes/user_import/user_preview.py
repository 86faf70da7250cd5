"""Show which columns of a file are used for what, and its first users, before the job starts; no password is shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import BinaryIO

from webapp.jobs import TablePreview
from webapp.jobtypes.tables.notes import Note
from webapp.jobtypes.user_import.payload import UserImport
from webapp.jobtypes.user_import.user_table import COLUMNS, UserTable

ROWS = 5


def preview_users(payload: UserImport, files: Mapping[str, BinaryIO]) -> TablePreview:
    """Return the first users of the payload's file; raise `JobError` if it cannot be read."""
    content = files["file"].read()
    table = UserTable(_Copy(payload.file.name, len(content), content), payload.chosen_columns)
    used, unused = table.mapping()
    shown = [column for column in COLUMNS if column in used and column != "password"]
    return TablePreview(
        facts={},
        notes=[str(Note("The column %(name)s is ignored.", {"name": name})) for name in unused],
        columns=shown,
        kinds=[used[column] for column in shown],
        rows=[[row.cells.get(column, "") for column in shown] for row in islice(table.rows(), ROWS)],
    )


@dataclass(slots=True)
class _Copy:
    """An uploaded file in memory, which can be read several times."""

    name: str
    size: int
    content: bytes

    def open(self) -> BinaryIO:
        """Return the content from its beginning."""
        return BytesIO(self.content)
