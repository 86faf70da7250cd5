"""The environment variables of a process, as Python and as C code see them, and the time zone they set."""

import ctypes
import os
import sys
import time
from collections.abc import MutableMapping
from typing import cast

_POINTER = ctypes.sizeof(ctypes.c_void_p)


class EnvironmentVariables:
    """The environment variables and the time zone."""

    name = "environment variables"

    def __init__(self) -> None:
        self._environ = os.environ
        self._variables = dict(variables_of(os.environ))
        self._zone = _zone()
        self._in_c = _VariablesInC()

    def is_changed(self) -> bool:
        """Compare the variables and the zone; what C code sees can differ after `os.putenv`."""
        same = variables_of(self._environ) == self._variables and _zone() == self._zone
        return not same or self._in_c.is_changed()

    def put_back(self) -> None:
        """Set and remove variables until they are the same, then read the time zone again."""
        self._in_c.put_back()
        now = variables_of(self._environ)
        for name in now.keys() - self._variables.keys():
            del os.environb[name]
        for name, value in self._variables.items():
            if now.get(name) != value:
                os.environb[name] = value
        time.tzset()
        self._in_c.remember_order()


def variables_of(environ: MutableMapping[str, str]) -> dict[bytes, bytes]:
    """Return the dictionary behind ``os.environ``: decoding all variables would take ten times as long as comparing."""
    found = getattr(environ, "_data", None)
    return cast("dict[bytes, bytes]", found) if isinstance(found, dict) else dict(os.environb)


def _zone() -> tuple[int, int, tuple[str, str]]:
    return time.timezone, time.altzone, time.tzname


class _VariablesInC:
    """The C library's array of variables: any change of it changes a pointer, which is compared quickly."""

    def __init__(self) -> None:
        self._array = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "environ") if sys.platform == "linux" else None
        self._variables = self._read()
        self._pointers = b""
        self.remember_order()

    def remember_order(self) -> None:
        """Take the current pointers as the reference."""
        self._pointers = self._read_pointers(len(self._read()))

    def is_changed(self) -> bool:
        return self._read_pointers(len(self._pointers) // _POINTER - 1) != self._pointers

    def put_back(self) -> None:
        now = self._read()
        for name in now.keys() - self._variables.keys():
            os.unsetenv(name)
        for name, value in self._variables.items():
            if now.get(name) != value:
                os.putenv(name, value)

    def _read_pointers(self, count: int) -> bytes:
        if self._array is None or not self._array.value:
            return b""
        return ctypes.string_at(self._array.value, (count + 1) * _POINTER)  # with the null pointer at the end

    def _read(self) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        if self._array is None or not self._array.value:
            return found
        entries = ctypes.cast(self._array.value, ctypes.POINTER(ctypes.c_char_p))
        number = 0
        while entry := entries[number]:
            name, _, value = entry.partition(b"=")
            found[name] = value
            number += 1
        return found
