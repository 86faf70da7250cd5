"""The results that the page of a job shows: what the handler shows deliberately first, then other output files.

Files never change, so what is read of one is kept in memory: a poll of an open page reads no file again.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from webapp.jobs.model.incoming_text import visible_text
from webapp.jobs.model.shown_results import is_safe_address
from webapp.jobs.store.attachments import Attachment
from webapp.jobs.store.file_store import FileStore, StorageUnavailable
from webapp.views.job.results.chart_picture import ResultChart, read_chart
from webapp.views.job.results.kind import HEAD, is_deliberate, is_inline, kind_of
from webapp.views.job.results.markdown_text import markdown_html
from webapp.views.job.results.table_rows import Sorting, read_table
from webapp.views.job_list.row import is_unavailable
from webapp.views.page.viewer_context import ViewerContext
from webapp.views.text.number_format import locale, size

RESULTS_SHOWN = 12
ROWS_SHOWN = 10
_TEXT_SHOWN = 20_000  # characters
_JSON_INDENTED = 64 * 1024  # bytes
_CACHED = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link that a handler created."""

    text: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """An output file that is shown; ``content`` depends on its kind. ``open`` if its content is expanded."""

    id: UUID
    job_id: UUID
    kind: str
    title: str
    name: str
    size: str
    inline: bool
    content: Any = None
    cut: bool = False
    open: bool = True


def job_results(attached: Sequence[Attachment], files: FileStore, context: ViewerContext) -> tuple[Result, ...]:
    """Return the results of a job's output files, at most `RESULTS_SHOWN`."""
    available = [file for file in attached if kind_of(file) and not is_unavailable(file, context.now)]
    deliberate = [file for file in available if is_deliberate(file)]
    others = [file for file in available if not is_deliberate(file)]
    found: list[Result] = []
    for file in (*deliberate, *others):
        if len(found) == RESULTS_SHOWN:
            break
        try:
            shown = _result(file, files, opened=is_deliberate(file) or not found)
        except StorageUnavailable:  # the page shows the rest; each further file would make it wait
            break
        found += [shown] if shown else []
    return tuple(found)


def table_result(file: Attachment, files: FileStore, sorting: Sorting | None, *, rows: int) -> Result | None:
    """Return the first rows of a table that is sorted by a column; None if the file is no table."""
    head = _head(files, file.id) if kind_of(file) == "table" else None
    table = read_table(head, complete=file.size <= len(head)) if head else None
    return _described(file, "table", table.sorted_by(sorting).first(rows), opened=True) if table else None


def _result(file: Attachment, files: FileStore, *, opened: bool) -> Result | None:
    kind = kind_of(file)
    if kind in {"image", "page", "pdf"}:
        return _described(file, kind, None, opened=opened)
    content = _read(files, file.id, kind, file.size, str(locale()))
    return None if content is None else _described(file, kind, content, opened=opened)


def _described(file: Attachment, kind: str, content: Any, *, opened: bool) -> Result:
    return Result(
        id=file.id,
        job_id=file.job_id,
        kind=kind,
        title=_title(file, content),
        name=file.name,
        size=size(file.size),
        inline=is_inline(file),
        content=content,
        cut=kind in {"text", "json"} and (len(content) == _TEXT_SHOWN or file.size > HEAD),
        open=opened,
    )


def _title(file: Attachment, content: Any) -> str:
    if isinstance(content, ResultChart) and content.title:
        return content.title
    return file.name.rpartition(".")[0] or file.name if is_deliberate(file) else file.name


@lru_cache(_CACHED)
def _read(files: FileStore, file_id: UUID, kind: str, file_size: int, _language: str) -> Any:
    """Return what a page shows of a file; None if the file is gone or is not what its type says."""
    head = _head(files, file_id)
    if head is None:
        return None
    if kind == "table":
        table = read_table(head, complete=file_size <= len(head))
        return table and table.first(ROWS_SHOWN)
    if kind == "chart":
        return read_chart(head)
    if kind == "link":
        return _link(head)
    if kind == "markdown":
        return markdown_html(visible_text(head.decode("utf-8", "replace")))
    text = visible_text(head.decode("utf-8-sig", "replace"))
    return (_indented(text) if kind == "json" else text)[:_TEXT_SHOWN]


def _head(files: FileStore, file_id: UUID) -> bytes | None:
    try:
        with files.open(file_id) as file:
            return file.read(HEAD)
    except StorageUnavailable:
        raise
    except OSError:
        return None


def _link(content: bytes) -> Link | None:
    try:
        stored = json.loads(content)
        link = Link(text=str(stored["text"]), address=str(stored["address"]))
    except (ValueError, TypeError, KeyError):
        return None
    return link if is_safe_address(link.address) else None


def _indented(text: str) -> str:
    if len(text) > _JSON_INDENTED:
        return text
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
