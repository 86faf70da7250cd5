"""Divide a wide table into tables of some of its columns each, and join what was written of them."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

Line = TypeVar("Line", list[str], bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePart:
    """A canonical table of ``width`` columns, what is wanted of it, and the filter of its rows."""

    table: Mapping[str, Any]
    width: int
    columns: Sequence[Mapping[str, Any]]
    row_filter: Mapping[str, Any] | None


def divided(whole: TablePart, most: int) -> list[TablePart]:
    """Return the table, or if it is too wide, tables of ``most`` columns and the one of the filter."""
    if whole.width <= most:
        return [whole]
    batches = [whole.columns[at : at + most] for at in range(0, len(whole.columns), most)]
    filtered = [whole.row_filter["place"]] if whole.row_filter else []
    places = [[*(column["place"] for column in batch), *filtered] for batch in batches]
    source = Path(whole.table["path"])
    paths = [source.with_suffix(f".{number}") for number in range(len(batches))]
    _write_parts(source, whole.table["delimiter"], dict(zip(paths, places, strict=True)))
    return [
        TablePart(
            table={**whole.table, "path": str(path)},
            width=len(batch) + len(filtered),
            columns=[{**column, "place": place} for place, column in enumerate(batch)],
            row_filter=whole.row_filter and {**whole.row_filter, "place": len(batch)},
        )
        for path, batch in zip(paths, batches, strict=True)
    ]


def _write_parts(source: Path, mark: str, parts: Mapping[Path, Sequence[int]]) -> None:
    with ExitStack() as files:
        rows = csv.reader(files.enter_context(source.open(encoding="utf-8", newline="")), delimiter=mark)
        outputs = [
            (files.enter_context(path.open("w", encoding="utf-8", newline="")), places)
            for path, places in parts.items()
        ]
        writers = [(csv.writer(file, delimiter=mark, lineterminator="\n"), places) for file, places in outputs]
        for row in rows:
            for writer, places in writers:
                writer.writerow([row[place] for place in places])


def joined_rows(parts: Sequence[Path]) -> Iterator[list[str]]:
    """Yield the rows of CSV files side by side."""
    with ExitStack() as files:
        readers = [csv.reader(files.enter_context(path.open(encoding="utf-8", newline=""))) for path in parts]
        for rows in zip(*readers, strict=True):
            yield [*chain.from_iterable(row or ("",) for row in rows)]  # a blank line is a blank cell


def joined_objects(parts: Sequence[Path]) -> Iterator[bytes]:
    """Yield the objects of JSON Lines with the members of all files."""
    with ExitStack() as files:
        for lines in zip(*(files.enter_context(path.open("rb")) for path in parts), strict=True):
            yield b"{%b}\n" % b",".join(line.strip()[1:-1] for line in lines)


def different(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield each line once; only its digest is kept in memory."""
    seen: set[bytes] = set()
    for line in lines:
        content = line if isinstance(line, bytes) else "\0".join(line).encode()
        digest = blake2b(content, digest_size=16).digest()
        if digest not in seen:
            seen.add(digest)
            yield line
