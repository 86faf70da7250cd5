"""Starts the log of a program, and its traces and error reports if the settings say where to send them."""

import logging

from webapp.config import Settings
from webapp.telemetry import error_reports, traces
from webapp.telemetry.log_context import set_process_fields
from webapp.telemetry.log_format import LogMask, attempt_log, log_format
from webapp.version import version


def start_telemetry(settings: Settings, secret_key: str, *, program: str) -> None:
    """Write the log to the standard error in the format of the settings; raise `BadSettingError` without a package."""
    set_process_fields(program=program)
    handler = logging.StreamHandler()
    handler.setFormatter(log_format(settings, secret_key))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    attempt_log.setLevel(logging.INFO if settings.log_format == "json" else logging.WARNING)
    if settings.traces_url:
        traces.switch_on(settings.traces_url, program=program)
    if dsn := settings.sentry_dsn:
        mask = LogMask.of(settings, secret_key)
        error_reports.switch_on(dsn.get_secret_value(), program=program, release=version(), mask=mask)


def open_telemetry() -> None:
    """Start the threads that send traces and error reports in this process; they do not survive a fork."""
    traces.open_exporter()
    error_reports.open_client()


def flush_telemetry() -> None:
    """Send what is left of traces and error reports, before a process ends."""
    traces.flush()
    error_reports.flush()
