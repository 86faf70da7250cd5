"""Rehearsal: a handler is run, and nothing comes of it: no row, no file, no line in a log.

What it says is shown instead. The database refuses to be written to by what the handler needs of
the application; what a handler does by itself, to other machines say, is not ours to prevent.
"""

import traceback
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.exc import DBAPIError

from webapp.jobs.executor import SENTENCES, Executor
from webapp.jobs.for_show import ContextForShow, ReporterForShow, Show
from webapp.jobs.job import Job
from webapp.jobs.walking import SliceEnded

_REFUSED = "It wanted to write to the database by itself, which a rehearsal refuses."


class Rehearsal(Executor):
    """Runs handlers for show. Its engine must be a read-only one, and its files `FilesForShow`."""

    _show: Show = print

    def rehearse(self, job: Job, at: datetime, show: Show) -> bool:
        """Run a job's handler, from its payload and checkpoint; tell whether the job would have completed.

        Works in any status. ``at`` is the database's time; ``show`` is given one line at a time.
        """
        self._show = show
        acting = replace(job, attempt=job.attempt + 1, started_at=at)
        try:
            job_type = self._registry.get(job.type)
            result = self._call(job_type, acting, ReporterForShow(self._engine, acting, show))
        except SliceEnded:
            show("It would be handed back here, and go on in a fresh process.")
            return True
        except Exception as error:  # noqa: BLE001  (whatever a handler raises is shown)
            self._tell(error)
            return False
        show("It says that it did not succeed." if result is False else "It would be completed.")
        return result is not False

    def _tell(self, error: Exception) -> None:
        if isinstance(error, SENTENCES):
            return self._show(f"It would fail: {error}")
        self._show("".join(traceback.format_exception(error)).rstrip())
        refused = isinstance(error, DBAPIError) and ("read-only" in str(error) or "readonly" in str(error))
        return self._show(_REFUSED if refused else f"It would fail: {type(error).__name__}: {error}")

    def _make_context(self, *arguments: Any, **named: Any) -> ContextForShow:
        return ContextForShow(self._show, *arguments, **named)
