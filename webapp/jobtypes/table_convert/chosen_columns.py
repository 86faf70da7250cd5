"""Read which columns are written under which names."""

import csv
from collections.abc import Sequence

from webapp.jobs import JobError
from webapp.jobtypes.tables.engine.conversion import OutputColumn
from webapp.jobtypes.tables.sizes import listed


def output_columns(wanted: str, names: Sequence[str]) -> list[OutputColumn]:
    """Return the columns of a list such as ``id, Preis = price``, all for a blank one; raise `JobError` for others.

    A name that contains a comma or an equals sign is written in quotes, if no column has that name as it stands.
    """
    if not wanted:
        return [OutputColumn(place=place, name=name) for place, name in enumerate(names)]
    parts = [part for row in csv.reader(wanted.splitlines(), skipinitialspace=True) for part in row if part.strip()]
    columns = [_column(part.strip(), names) for part in parts]
    if len({column.name for column in columns}) < len(columns):
        message = "Two of the columns would have the same name."
        raise JobError(message)
    return columns


def place_of(name: str, names: Sequence[str]) -> int:
    """Return the place of a column; raise `JobError` if there is none of this name."""
    if name in names:
        return names.index(name)
    folded = [each.casefold() for each in names]
    if folded.count(name.casefold()) == 1:
        return folded.index(name.casefold())
    message = f"The table has no column {name}. Its columns are: {listed(names)}."
    raise JobError(message)


def _column(part: str, names: Sequence[str]) -> OutputColumn:
    if part in names:
        return OutputColumn(place=names.index(part), name=part)
    name, mark, new = map(str.strip, part.rpartition("=")) if "=" in part else (part, "", "")
    place = place_of(name, names)
    return OutputColumn(place=place, name=new if mark and new else names[place])
