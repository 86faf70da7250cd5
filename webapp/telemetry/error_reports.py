"""Reports of unexpected errors to Sentry, if `DESKJOB_SENTRY_DSN` says where.

The package is imported when it is switched on, and its thread starts with the first report of a process. A report has
the error and what names the job: no variables, no payload, no request, and no secrets in its texts.
"""

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

from webapp.config import BadSettingError
from webapp.telemetry.log_format import LogMask

_log = logging.getLogger(__name__)
_FLUSH_SECONDS = 2.0
_CLEAN: Callable[[Any], Any] = lambda value: value  # noqa: E731


class _State:
    """Where reports go; one per process."""

    def __init__(self) -> None:
        self.options: dict[str, Any] = {}
        self.pid = 0


_state = _State()


def switch_on(dsn: str, *, program: str, release: str, mask: LogMask) -> None:
    """Send reports to this DSN from now on; raise `BadSettingError` for a bad one, or without the package."""
    try:
        from sentry_sdk.utils import BadDsn, Dsn
    except ImportError:
        message = "DESKJOB_SENTRY_DSN needs a further package: pip install 'deskjob[sentry]'."
        raise BadSettingError(message) from None
    try:
        Dsn(dsn)
    except BadDsn:
        message = "DESKJOB_SENTRY_DSN cannot be used: it must look like https://key@sentry.example.org/1."
        raise BadSettingError(message) from None
    _state.options = {
        "dsn": dsn,
        "release": release,
        "server_name": program,
        "default_integrations": False,
        "auto_enabling_integrations": False,
        "include_local_variables": False,
        "include_source_context": False,
        "max_breadcrumbs": 0,
        "before_send": lambda event, _hint: mask.value(event),
        "keep_alive": False,
    }
    _state.pid = 0


def switch_off() -> None:
    """Stop sending."""
    _state.options = {}


def is_on() -> bool:
    """Return whether reports are sent."""
    return bool(_state.options)


def report(error: BaseException, *, group: str = "", clean: Callable[[Any], Any] = _CLEAN, **tags: object) -> None:
    """Report an error; those with one ``group`` are one issue. ``clean`` removes further secrets from the report.

    Nothing that goes wrong here is raised: the job or the request continues.
    """
    if _state.options:
        try:
            _report(error, group, clean, tags)
        except Exception:  # noqa: BLE001  (foreign code)
            _log.exception("An error could not be reported.")


def _report(error: BaseException, group: str, clean: Callable[[Any], Any], tags: Mapping[str, object]) -> None:
    import sentry_sdk

    open_client()
    with sentry_sdk.new_scope() as scope:
        for name, value in tags.items():
            scope.set_tag(name, str(value))
        if group:
            scope.fingerprint = [group]
        scope.add_event_processor(lambda event, _hint: clean(event))
        scope.capture_exception(error)


def open_client() -> None:
    """Start the sender of reports in this process now, so that its thread is not blamed on a job."""
    if _state.options and _state.pid != os.getpid():
        import sentry_sdk

        sentry_sdk.init(**_state.options)
        _state.pid = os.getpid()
        worker = getattr(sentry_sdk.get_client().transport, "_worker", None)  # which starts with the first report
        if start := getattr(worker, "start", None):
            start()


def flush() -> None:
    """Send what is left, before a process ends."""
    if _state.options and _state.pid == os.getpid():
        import sentry_sdk

        sentry_sdk.flush(_FLUSH_SECONDS)
