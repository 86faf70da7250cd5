"""The configuration of Python's logging."""

import logging
from typing import Any

_Settings = tuple[int, bool, bool, list[logging.Handler], list[Any]]


class LoggingState:
    """The loggers with their levels, handlers and filters, and `logging.disable`."""

    name = "logging"

    def __init__(self) -> None:
        self._manager = logging.root.manager
        self._disabled = self._manager.disable
        self._loggers: list[logging.Logger] = []
        self._settings: list[_Settings] = []
        self._known: list[object] = []
        self._remember()

    def is_changed(self) -> bool:
        """Compare all loggers; a logger that did not exist counts too."""
        return (
            self._manager.disable != self._disabled
            or list(self._manager.loggerDict.values()) != self._known  # a placeholder can become a logger
            or [_settings(logger) for logger in self._loggers] != self._settings
        )

    def put_back(self) -> None:
        """Configure the known loggers as they were; new ones, such as an imported library's, keep no handler."""
        self._manager.disable = self._disabled
        known = set(self._loggers)
        for logger in self._all():
            if logger not in known:
                logger.handlers[:] = [one for one in logger.handlers if isinstance(one, logging.NullHandler)]
        for logger, settings in zip(self._loggers, self._settings, strict=True):
            if _settings(logger) != settings:
                _configure(logger, settings)
        self._remember()

    def _remember(self) -> None:
        self._loggers = self._all()
        self._settings = [_copied(_settings(logger)) for logger in self._loggers]
        self._known = list(self._manager.loggerDict.values())

    def _all(self) -> list[logging.Logger]:
        found = (one for one in list(self._manager.loggerDict.values()) if isinstance(one, logging.Logger))
        return [self._manager.root, *found]


def _settings(logger: logging.Logger) -> _Settings:
    return logger.level, logger.disabled, logger.propagate, logger.handlers, logger.filters


def _copied(settings: _Settings) -> _Settings:
    level, disabled, propagate, handlers, filters = settings
    return level, disabled, propagate, list(handlers), list(filters)


def _configure(logger: logging.Logger, settings: _Settings) -> None:
    level, logger.disabled, logger.propagate, handlers, filters = settings
    logger.handlers[:], logger.filters[:] = handlers, filters
    logger.setLevel(level)  # last, because it clears the caches of all loggers
