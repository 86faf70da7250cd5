"""What libraries log while a job runs: lines of the job's log, and not of the log of its worker."""

import logging
from collections.abc import Callable
from typing import TextIO

from webapp.jobs.execution.reporter import formatted

_ENGINE = ("webapp", "rq")  # their messages are for operators
_JOB_TYPES = "webapp.jobtypes"


class LibraryLog(logging.Handler):
    """Replaces the handlers of the root logger: a record goes to the running job, or else to them.

    ``take`` gets a text and returns whether a job has taken it. With ``tee`` the handlers get every record.
    """

    def __init__(self, take: Callable[[str], bool], *, tee: bool) -> None:
        super().__init__()
        self._take, self._tee = take, tee
        self._handlers: list[logging.Handler] = []  # that get what no job takes
        self._original: list[logging.Handler] = []
        self._streams: list[tuple[logging.StreamHandler[TextIO], TextIO]] = []
        self._level = logging.root.level

    def install(self, streams: tuple[TextIO, TextIO], former: TextIO) -> None:
        """Take the place of the handlers; those that wrote to ``streams``, which are redirected, write to ``former``.

        From the level INFO on, which many libraries use, nothing is held back.
        """
        self._original = [*logging.root.handlers]
        self._handlers = self._original or [_last_resort(former)]
        self._level = logging.root.level
        for handler in self._handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream in streams:
                self._streams.append((handler, handler.stream))
                handler.setStream(former)
        logging.root.handlers[:] = [self]
        logging.root.setLevel(min(self._level, logging.INFO))

    def remove(self) -> None:
        """Put the handlers back."""
        for handler, stream in self._streams:
            handler.setStream(stream)
        logging.root.handlers[:] = self._original
        logging.root.setLevel(self._level)

    def handle(self, record: logging.LogRecord) -> bool:
        """Pass a record on."""
        taken = not _is_of_the_engine(record.name) and self._take(_line(record))
        if (not taken or self._tee) and self._was_shown(record):
            for handler in self._handlers:
                if record.levelno >= handler.level:
                    handler.handle(record)
        return True

    def _was_shown(self, record: logging.LogRecord) -> bool:
        """Return whether it passes without the lower level of the root logger."""
        if record.levelno >= self._level:
            return True
        logger: logging.Logger | None = logging.getLogger(record.name)
        while logger and logger is not logging.root:
            if logger.level:
                return True
            logger = logger.parent
        return False


def _last_resort(stream: TextIO) -> logging.Handler:
    """Return a handler that does what `logging.lastResort` does."""
    handler = logging.StreamHandler(stream)
    handler.setLevel(logging.WARNING)
    return handler


def _is_of_the_engine(name: str) -> bool:
    return name.partition(".")[0] in _ENGINE and not name.startswith(_JOB_TYPES)


def _line(record: logging.LogRecord) -> str:
    return f"{record.levelname} {record.name}: {formatted(record)}"
