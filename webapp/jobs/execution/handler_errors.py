"""Describes how a handler ended: the message, the exit status and the traceback of everything that it can raise.

A handler's exceptions are foreign code: even `str()` of one can raise. No function here raises.
"""

import argparse
import os
import traceback
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType
from typing import Any

from webapp.db import resource_errors
from webapp.jobs.definition.job_type import InvalidPayload, JobError
from webapp.jobs.definition.lazy_handlers import LazyHandler
from webapp.jobs.definition.payload import UnreadableSecret
from webapp.jobs.definition.registry import UnknownJobType
from webapp.jobs.execution.time_limit import JobTimeout
from webapp.jobs.model import json_values
from webapp.jobs.model.diagnostics import UNEXPECTED
from webapp.jobs.model.incoming_text import TEXT_LIMIT, clean_text, clean_traceback, text_of
from webapp.jobs.model.secret_mask import NO_SECRETS, SecretMask
from webapp.jobs.store.file_store import StorageUnavailable


class OwnerMissing(Exception):
    """Raised when the owner of a job is missing or disabled: a job runs with its owner's permissions."""

    key = "owner_missing"
    parameters: Mapping[str, Any] = MappingProxyType({})

    def __init__(self) -> None:
        """Set the message."""
        super().__init__("The owner of this job is missing or disabled, so the job cannot run on their behalf.")


class LaunchFailed(Exception):
    """Raised instead of what a handler raises when its job could not be launched."""


class RetryLater(BaseException):
    """Raised by a handler to run again after ``delay``; made by `JobContext.retry_later`.

    A `BaseException`, so that ``except Exception`` in a handler cannot swallow it.
    """

    def __init__(self, delay: timedelta, reason: str, *, counts: bool) -> None:
        """Take the delay, the reason that users read, and whether this attempt is used up."""
        super().__init__(reason)
        self.delay = delay
        self.counts = counts


NON_RETRYABLE = (JobError, InvalidPayload, OwnerMissing, UnreadableSecret, LazyHandler)  # the next attempt would fail
_ENGINE = str(Path(__file__).parents[1]) + os.sep
SELF_EXPLANATORY = (JobTimeout, LaunchFailed, UnknownJobType, RetryLater, StorageUnavailable, *NON_RETRYABLE)


def sentence_of(error: BaseException, mask: SecretMask = NO_SECRETS) -> str:
    """Return the message of an error that ended a handler; it is masked before it is cut."""
    return clean_text(mask.text(_sentence_of(error)), TEXT_LIMIT)


def traceback_of(error: BaseException, mask: SecretMask = NO_SECRETS) -> str:
    """Return the traceback of an error, with those of its causes, from the handler's own frame on."""
    try:
        told = traceback.TracebackException.from_exception(error)
        _drop_engine_frames(told)
        return clean_traceback(mask.text("".join(told.format())))
    except BaseException as broken:  # noqa: BLE001  (foreign code)
        return f"(The traceback of {type(error).__name__} cannot be shown: {type(broken).__name__}.)"


def translation_of(error: BaseException) -> tuple[str, Mapping[str, Any]]:
    """Return the key and the parameters of an error's translation, if it has one; see `diagnostics`."""
    if not isinstance(error, JobError | OwnerMissing):
        return (UNEXPECTED, {"name": type(error).__name__}) if _is_named(error) else ("", {})
    try:
        return str(error.key), json_values.check_json(error.parameters, "The parameters of an error")
    except BaseException:  # noqa: BLE001  (a subclass of JobError sets what it likes)
        return "", {}


def exits_with_success(error: SystemExit) -> bool:
    """Return whether ``sys.exit()`` or ``sys.exit(0)`` raised it: a program would have exited with status 0."""
    return error.code is None or (isinstance(error.code, int) and error.code == 0)


def contains(error: BaseException, stop: BaseException | None) -> bool:
    """Return whether ``error`` is a group with ``stop`` in it, as a task group raises."""
    if not isinstance(error, BaseExceptionGroup) or stop is None:
        return False
    return any(each is stop or contains(each, stop) for each in error.exceptions)


def _drop_engine_frames(told: traceback.TracebackException) -> None:
    """Leave out how the engine called the handler; an error of the engine itself keeps all of its frames."""
    leading = sum(1 for _ in takewhile(lambda frame: frame.filename.startswith(_ENGINE), told.stack))
    if leading < len(told.stack):
        del told.stack[:leading]
    for cause in (told.__cause__, told.__context__, *(told.exceptions or ())):
        if cause is not None:
            _drop_engine_frames(cause)


def _sentence_of(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return _exit_sentence(error)
    text, name = text_of(error), type(error).__name__
    if _is_named(error):
        return f"{name}: {text}" if text else name
    return _shortage_message(error) or text


def _is_named(error: BaseException) -> bool:
    """Return whether the message needs the name of the class, as ``'vat_rate'`` of a `KeyError` does."""
    return not isinstance(error, (SystemExit, *SELF_EXPLANATORY)) and not _shortage_message(error)


def _exit_sentence(error: SystemExit) -> str:
    said = _argparse_message(error)
    if isinstance(error.code, int):
        return f"{said} (exit status {int(error.code)})" if said else f"It exited with status {int(error.code)}."
    return f"{text_of(error.code)} (exit status 1)"


def _argparse_message(error: SystemExit) -> str:
    """Return what an `ArgumentParser` printed before it raised ``error``."""
    for frame in _frames(error):
        if isinstance(frame.get("self"), argparse.ArgumentParser) and isinstance(frame.get("message"), str):
            return str(frame["message"]).strip()
    return ""


def _frames(error: BaseException) -> Iterator[Mapping[str, Any]]:
    return (frame.f_locals for frame, _ in traceback.walk_tb(error.__traceback__))


def _shortage_message(error: BaseException) -> str | None:
    try:
        return resource_errors.shortage_message(error)
    except BaseException:  # noqa: BLE001  (foreign code)
        return None
