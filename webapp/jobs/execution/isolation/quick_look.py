"""A quick check of what jobs change most often, which takes a few microseconds."""

import _signal  # type: ignore[import-not-found]  # builds no enums
import logging
import os
import signal
import socket
import sys
import time
from typing import Any

from webapp.jobs.execution.isolation.environment_variables import variables_of
from webapp.jobs.execution.isolation.process_state import STANDARD_STREAMS, file_identity

_BLOCK, _NOTHING = int(signal.SIG_BLOCK), ()


class QuickLook:
    """Compares a small part of the process's state with what it was."""

    def __init__(self) -> None:
        self._environment = variables_of(os.environ)
        self._variables = dict(self._environment)
        self._manager = logging.root.manager
        self._seen = self._look()

    def finds_change(self) -> bool:
        """Return whether something has changed; nothing found does not mean that nothing has."""
        return self._look() != self._seen or self._environment != self._variables

    def _look(self) -> tuple[Any, ...] | None:
        root, umask = logging.root, os.umask(0o077)
        os.umask(umask)
        try:
            folder = os.getcwd()  # noqa: PTH109  (for every job)
            closed = sys.stdout.closed, sys.stderr.closed
        except (OSError, ValueError):
            return None  # it was deleted, or a stream was detached
        # What cannot be put back is found here, before the next job is claimed: it would lose an attempt otherwise
        return (
            *map(file_identity, STANDARD_STREAMS),
            os.getpriority(os.PRIO_PROCESS, 0),
            *(folder, umask, time.tzname, self._manager.disable, root.level, len(root.handlers)),
            *(sys.stdout, sys.stderr, *closed, len(sys.path), sys.getrecursionlimit(), socket.getdefaulttimeout()),
            _signal.pthread_sigmask(_BLOCK, _NOTHING),
        )
