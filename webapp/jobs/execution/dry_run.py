"""Rehearsal: a handler is run, and nothing comes of it: no row, no file, no line in a log.

What it says is shown instead. The database refuses to be written to by what the handler needs of
the application; what a handler does by itself, to other machines say, is not ours to prevent.

For show: what a handler is given when it is rehearsed. All it says is shown, nothing is kept.
"""

import json
import os
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from uuid_utils.compat import uuid7

from webapp.jobs.execution.batches import SliceEnded
from webapp.jobs.execution.context import JobContext
from webapp.jobs.execution.executor import SELF_EXPLANATORY, Executor
from webapp.jobs.execution.reporter import Reporter
from webapp.jobs.model.job import Job
from webapp.jobs.store.file_store import Draft, FileStore, StoredFile, clean_name, media_type_of

Show = Callable[[str], None]


class DryRunReporter(Reporter):
    """Shows the words that the other one carries to the row."""

    def __init__(self, engine: Engine, job: Job, show: Show) -> None:
        super().__init__(engine, job)
        self._show = show

    def set_values(self, **words: Any) -> None:
        """Show columns of the job's row."""
        if "progress" in words:
            amounts = f" ({words['done']:g} of {words.get('total') or '?'})" if words.get("done") is not None else ""
            self._show(f"progress: {words['progress']:.4g} %{amounts}")
        for name in ("message", "state", "metadata"):
            if name in words:
                said = words[name] if name == "message" else json.dumps(words[name], ensure_ascii=False)
                self._show(f"{name}: {said}")

    def add_diagnostic(self, kind: str, text: str, key: str = "", parameters: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Show a warning or an error."""
        self._show(f"{kind.removesuffix('s')}: {text}")

    def log(self, level: str, text: str) -> None:
        """Show a line of the log."""
        self._show(f"{level.lower()}: {text}")

    def read_stop_flag(self) -> bool:
        """Nobody asks a rehearsal to stop."""
        return False

    def flush(self) -> None:
        """Write nothing."""

    def _begin(self) -> None:
        """Start no thread."""


class DryRunContext(JobContext):
    """Shows the files and jobs that the other one makes."""

    def __init__(self, show: Show, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._show = show

    def flush_children(self) -> None:
        """Show the children that were spawned."""
        for child in self._children:
            self._show(f"part: {child.type}, {child.title}")
        self._children = []

    def after(self, type_name: str, payload: Any = None, *, on_finish: bool = False, **choices: Any) -> UUID:  # noqa: ARG002
        """Show the job that would follow."""
        self._show(f"then: {type_name}{' however it ends' if on_finish else ''}")
        return uuid7()

    def _add_file_row(self, file: StoredFile) -> None:
        self._show(f"file: {file.name}, {file.size} bytes, {file.media_type}")


class DryRunPartialFile(Draft):
    """A file of which only the size and the hash are known."""

    def keep(self, name: str, media_type: str | None = None) -> StoredFile:
        """Tell what would be kept."""
        name = clean_name(name)
        kind = media_type or media_type_of(name)
        return StoredFile(id=self.id, name=name, media_type=kind, size=self.size, sha256=self.sha256)

    def _opened(self) -> Any:
        return Path(os.devnull).open("r+b")

    def discard(self) -> None:
        """Leave nothing behind: there is nothing."""
        self._file.close()


class DryRunFiles(FileStore):
    """Reads the files that there are; adds none and removes none."""

    def draft(self, limit: int | None = None) -> Draft:
        """Begin a file that goes nowhere."""
        return DryRunPartialFile(self, limit)

    def draft_path(self, file_id: UUID) -> Path:
        """Make no folder for it."""
        return self.root / "drafts" / file_id.hex

    def adopt(self, file_id: UUID) -> None:
        """Keep nothing."""

    def link(self, file_id: UUID) -> UUID:  # noqa: ARG002
        """Give an id to nothing."""
        return uuid7()

    def remove(self, file_id: UUID) -> None:
        """Remove nothing."""

    def files(self, older_than: timedelta, now: float) -> Iterator[tuple[UUID, Path]]:  # noqa: ARG002
        """Offer none, as whoever asks is about to remove them."""
        return iter(())


_REFUSED = "It wanted to write to the database by itself, which a rehearsal refuses."


class DryRun(Executor):
    """Runs handlers for show. Its engine must be a read-only one, and its files `DryRunFiles`."""

    _show: Show = print

    def dry_run(self, job: Job, at: datetime, show: Show) -> bool:
        """Run a job's handler, from its payload and checkpoint; tell whether the job would have completed.

        Works in any status. ``at`` is the database's time; ``show`` is given one line at a time.
        """
        self._show = show
        acting = replace(job, attempt=job.attempt + 1, started_at=at)
        try:
            job_type = self._registry.get(job.type)
            result = self._call(job_type, acting, DryRunReporter(self._engine, acting, show))
        except SliceEnded:
            show("It would be handed back here, and go on in a fresh process.")
            return True
        except Exception as error:  # noqa: BLE001  (whatever a handler raises is shown)
            self._tell(error)
            return False
        show("It says that it did not succeed." if result is False else "It would be completed.")
        return result is not False

    def _tell(self, error: Exception) -> None:
        if isinstance(error, SELF_EXPLANATORY):
            return self._show(f"It would fail: {error}")
        self._show("".join(traceback.format_exception(error)).rstrip())
        refused = isinstance(error, DBAPIError) and ("read-only" in str(error) or "readonly" in str(error))
        return self._show(_REFUSED if refused else f"It would fail: {type(error).__name__}: {error}")

    def _make_context(self, *arguments: Any, **named: Any) -> DryRunContext:
        return DryRunContext(self._show, *arguments, **named)
