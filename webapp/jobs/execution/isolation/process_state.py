"""The state of a process that a handler can change, and how it is restored.

`ProcessState` remembers the state when it is created, and restores what differs after a job. Nothing is copied unless
it changed. What a program keeps in its own modules (caches, monkey patches) is not covered: `docs/faults.md` says what
jobs share.
"""

import builtins
import csv
import decimal
import faulthandler
import gc
import locale
import logging
import os
import random
import resource
import signal
import socket
import ssl
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Protocol

from webapp.jobs.execution.isolation.environment_variables import EnvironmentVariables
from webapp.jobs.execution.isolation.logging_state import LoggingState
from webapp.jobs.execution.isolation.signal_state import SignalState

_SEED_BYTES = 16
_LIMITS = (
    *(resource.RLIMIT_AS, resource.RLIMIT_CORE, resource.RLIMIT_CPU, resource.RLIMIT_DATA),
    *(resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC, resource.RLIMIT_STACK),
)
_TIMERS = (signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)  # the executor resets ITIMER_REAL
STANDARD_STREAMS = (0, 1, 2)
_LOOP_POLICY = "_event_loop_policy"  # asyncio's, which holds the current loop: a job may have closed that
# Replacing one of these is a common way to change what the rest of the process does
_ATTRIBUTES: Mapping[ModuleType, tuple[str, ...]] = {
    sys: (
        *("argv", "displayhook", "excepthook", "meta_path", "modules", "path", "path_hooks"),
        *("stderr", "stdin", "stdout", "unraisablehook"),
    ),
    os: ("environ", "environb"),
    threading: ("excepthook",),
    warnings: ("filters", "formatwarning", "showwarning"),
    tempfile: ("tempdir",),
    socket: ("create_connection", "getaddrinfo", "socket"),
    ssl: ("_create_default_https_context", "create_default_context"),
    time: ("monotonic", "perf_counter", "sleep", "time"),
    logging: ("lastResort", "raiseExceptions", "root"),
}


class StateItem(Protocol):
    """One thing that a handler can change."""

    name: str

    def is_changed(self) -> bool:
        """Return whether it differs from what it was."""

    def put_back(self) -> None:
        """Make it what it was; raises if that is not possible."""


class StateValue:
    """A state that can be read as one value and written as one."""

    def __init__(self, name: str, read: Callable[[], Any], write: Callable[[Any], object]) -> None:
        self.name = name
        self._read, self._write = read, write
        self._value = read()

    def is_changed(self) -> bool:
        """Compare it with what it was."""
        return bool(self._read() != self._value)

    def put_back(self) -> None:
        """Write the remembered value."""
        self._write(self._value)


class ModuleAttributes:
    """Attributes of modules, compared by identity."""

    name = "attributes of the standard library"

    def __init__(self) -> None:
        self._names = [(module, name) for module, names in _ATTRIBUTES.items() for name in names]
        self._values = self._read()
        self._event_loops = _event_loops()

    def _read(self) -> list[Any]:
        return [getattr(module, name, None) for module, name in self._names]

    def is_changed(self) -> bool:
        """Compare each with what it was."""
        now = self._read()
        return any(a is not b for a, b in zip(now, self._values, strict=True)) or _event_loops() != self._event_loops

    def put_back(self) -> None:
        """Set them all."""
        for (module, name), value in zip(self._names, self._values, strict=True):
            setattr(module, name, value)
        if _event_loops() != self._event_loops:
            setattr(sys.modules["asyncio.events"], _LOOP_POLICY, self._event_loops)


class DecimalContexts:
    """The context of decimal numbers, and the one that new threads start with."""

    name = "decimal context"

    def __init__(self) -> None:
        self._context, self._default = decimal.getcontext().copy(), decimal.DefaultContext.copy()
        self._shown = self._show()

    @staticmethod
    def _show() -> tuple[str, str]:
        return repr(decimal.getcontext()), repr(decimal.DefaultContext)

    def is_changed(self) -> bool:
        """Compare precision, rounding, limits, flags and traps."""
        return self._show() != self._shown

    def put_back(self) -> None:
        """Use a copy of the context; the default one cannot be replaced, only changed."""
        decimal.setcontext(self._context.copy())
        for name in ("prec", "rounding", "Emin", "Emax", "capitals", "clamp"):
            setattr(decimal.DefaultContext, name, getattr(self._default, name))
        decimal.DefaultContext.flags.update(self._default.flags)
        decimal.DefaultContext.traps.update(self._default.traps)


class ProcessState:
    """Everything that is restored after each job."""

    def __init__(self) -> None:
        if not _working_directory():
            os.chdir("/")
        self.items: tuple[StateItem, ...] = (
            SignalState(),  # first: a pending alarm must not interrupt the rest
            ModuleAttributes(),
            StateValue("built-in functions", lambda: dict(vars(builtins)), _set_builtins),
            StateValue("working directory", _working_directory, os.chdir),
            EnvironmentVariables(),
            StateValue("umask", _umask, os.umask),
            StateValue("locale", lambda: locale.setlocale(locale.LC_ALL), _set_locale),
            LoggingState(),
            StateValue("timers", _running_timers, _stop_timers),
            StateValue("wake-up descriptor", lambda: signal.set_wakeup_fd(-1), lambda _: None),
            StateValue("recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
            StateValue("switch interval", sys.getswitchinterval, sys.setswitchinterval),
            StateValue("limit of digits", sys.get_int_max_str_digits, sys.set_int_max_str_digits),
            StateValue("import path", _import_path, _set_import_path),
            DecimalContexts(),
            StateValue("socket timeout", socket.getdefaulttimeout, socket.setdefaulttimeout),
            StateValue("field limit of CSV files", csv.field_size_limit, csv.field_size_limit),
            StateValue("warnings filters", lambda: tuple(warnings.filters), _set_warnings_filters),
            StateValue("tracing", lambda: (sys.gettrace(), sys.getprofile()), _set_tracing),
            StateValue("garbage collection", lambda: (gc.isenabled(), gc.get_threshold()), _set_garbage_collection),
            StateValue("resource limits", _resource_limits, _set_resource_limits),
            StateValue("processors", _processors, _set_processors),
            StateValue("priority", _priority, lambda value: os.setpriority(os.PRIO_PROCESS, 0, value)),
            StateValue("process group", os.getpgrp, lambda value: os.setpgid(0, value)),
            StateValue("user", lambda: (os.getuid(), os.geteuid(), os.getgid(), os.getegid()), _cannot),
            StateValue("standard streams", _standard_streams, _cannot),
        )

    def put_back(self) -> tuple[str, ...]:
        """Put back what a job has changed; return the names of what could not be put back."""
        faulthandler.cancel_dump_traceback_later()
        random.seed(int.from_bytes(os.urandom(_SEED_BYTES)))  # otherwise a job could choose another's random numbers
        return tuple(item.name for item in self.items if not _is_same(item))


def _is_same(item: StateItem) -> bool:
    """Put an item back if it has changed; return whether it is what it was."""
    try:
        if not item.is_changed():
            return True
        item.put_back()
        return not item.is_changed()
    except Exception:  # noqa: BLE001  (for any reason: a fresh work-horse has the right state)
        return False


def _cannot(_value: object) -> None:
    message = "this cannot be put back"
    raise OSError(message)


def _working_directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109  (called for every job)
    except OSError:
        return ""  # it was deleted


def _umask() -> int:
    before = os.umask(0o077)
    os.umask(before)
    return before


def _set_locale(value: str) -> None:
    locale.setlocale(locale.LC_ALL, value)


def _set_builtins(value: dict[str, Any]) -> None:
    names = vars(builtins)
    for name in names.keys() - value.keys():
        del names[name]
    names.update(value)


def _running_timers() -> bool:
    return any(signal.getitimer(timer)[0] for timer in _TIMERS)


def _stop_timers(_value: object) -> None:
    for timer in _TIMERS:
        signal.setitimer(timer, 0)


def _import_path() -> tuple[tuple[Any, ...], ...]:
    return tuple(sys.path), tuple(sys.meta_path), tuple(sys.path_hooks), tuple(sys.argv)


def _set_import_path(value: tuple[tuple[Any, ...], ...]) -> None:
    sys.path[:], sys.meta_path[:], sys.path_hooks[:], sys.argv[:] = map(list, value)


def _set_warnings_filters(value: tuple[Any, ...]) -> None:
    warnings.resetwarnings()  # also tells the interpreter that they changed
    warnings.filters[:] = value  # type: ignore[index]


def _set_tracing(value: tuple[Any, Any]) -> None:
    sys.settrace(value[0])
    sys.setprofile(value[1])


def _set_garbage_collection(value: tuple[bool, tuple[int, int, int]]) -> None:
    (gc.enable if value[0] else gc.disable)()
    gc.set_threshold(*value[1])


def _resource_limits() -> list[tuple[int, int]]:
    return [resource.getrlimit(limit) for limit in _LIMITS]


def _set_resource_limits(value: list[tuple[int, int]]) -> None:
    for limit, bounds in zip(_LIMITS, value, strict=True):
        if resource.getrlimit(limit) != bounds:
            resource.setrlimit(limit, bounds)


def _processors() -> object:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None


def _set_processors(value: Any) -> None:
    os.sched_setaffinity(0, value)


def _priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def _standard_streams() -> list[object]:
    return [*map(file_identity, STANDARD_STREAMS), sys.stdout.closed, sys.stderr.closed]


def file_identity(number: int) -> tuple[int, int] | None:
    """Return which file a descriptor refers to, as (device, inode); ``None`` if it is closed."""
    try:
        found = os.fstat(number)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _event_loops() -> Any:
    return getattr(sys.modules.get("asyncio.events"), _LOOP_POLICY, None)
