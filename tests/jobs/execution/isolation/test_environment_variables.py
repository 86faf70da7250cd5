import ctypes
import os
import time

from tests.jobs.execution.isolation.forked import in_child
from webapp.jobs.execution.isolation.environment_variables import EnvironmentVariables


def getenv(name: str) -> str | None:
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_char_p
    found = libc.getenv(name.encode())
    return found.decode() if found is not None else None


def test_nothing_has_changed_at_first() -> None:
    assert in_child(lambda: EnvironmentVariables().is_changed()) is False


def test_what_only_c_code_sees_is_put_back_too() -> None:
    def work() -> object:
        os.environ["KEPT"] = "yes"
        variables = EnvironmentVariables()
        os.putenv("ADDED", "by a job")
        os.putenv("KEPT", "no")
        changed = variables.is_changed()
        variables.put_back()
        return [changed, getenv("ADDED"), getenv("KEPT"), variables.is_changed()]

    assert in_child(work) == [True, None, "yes", False]


def test_cleared_variables_return() -> None:
    def work() -> object:
        before = dict(os.environ)
        variables = EnvironmentVariables()
        os.environ.clear()
        variables.put_back()
        return [dict(os.environ) == before, getenv("PATH") == before["PATH"], variables.is_changed()]

    assert in_child(work) == [True, True, False]


def test_a_zone_without_its_variable_is_put_back() -> None:
    def work() -> object:
        variables = EnvironmentVariables()
        before = time.tzname
        os.environ["TZ"] = "XYZ-5"
        time.tzset()
        del os.environ["TZ"]
        changed = variables.is_changed()
        variables.put_back()
        return [changed, time.tzname == before]

    assert in_child(work) == [True, True]
