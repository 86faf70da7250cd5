"""The history as JSON Lines, one object per job, for programs: every text as it is, notes with their times."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from webapp.jobtypes.job_history_export.lines import Line


@contextmanager
def json_lines(file: BinaryIO, columns: Sequence[str]) -> Iterator[Callable[[Line], None]]:
    """Give what adds a line; each is written at once."""

    def add(line: Line) -> None:
        text = json.dumps({column: line[column] for column in columns}, ensure_ascii=False)
        file.write(text.encode("utf-8", "replace") + b"\n")

    yield add
