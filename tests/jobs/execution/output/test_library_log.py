import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from webapp.jobs.execution.output.library_log import LibraryLog


@contextmanager
def root_logger(*handlers: logging.Handler) -> Iterator[logging.Logger]:
    """Use the root logger with these handlers, without those of pytest, and the level WARNING."""
    root = logging.root
    before = root.level, root.handlers[:]
    root.handlers[:] = handlers
    root.setLevel(logging.WARNING)
    try:
        yield root
    finally:
        root.setLevel(before[0])
        root.handlers[:] = before[1]


@pytest.fixture
def lines() -> list[str]:
    return []


def library_log(lines: list[str], *, tee: bool = False, takes: bool = True) -> LibraryLog:
    def take(text: str) -> bool:
        lines.append(text)
        return takes

    return LibraryLog(take, tee=tee)


def test_a_job_takes_what_libraries_log(lines: list[str]) -> None:
    former = io.StringIO()
    log = library_log(lines)
    with root_logger() as root:
        log.install((io.StringIO(), io.StringIO()), former)
        logging.getLogger("some.library").info("read %d rows", 3)
        logging.getLogger("some.library").info("wrong %d", "x")
        logging.getLogger("some.library").debug("detail")
        logging.getLogger("webapp.jobtypes.mine").info("of a job type")
        logging.getLogger("webapp.jobs.execution").warning("of the engine")
        logging.getLogger("webapp.jobs.execution").info("not shown before")
        log.remove()
        assert (root.level, root.handlers) == (logging.WARNING, [])
    assert lines[0] == "INFO some.library: read 3 rows"
    assert lines[1].startswith("INFO some.library: wrong %d [x] (this line could not be formatted")
    assert lines[2:] == ["INFO webapp.jobtypes.mine: of a job type"]
    assert former.getvalue() == "of the engine\n"


def test_a_traceback_is_a_part_of_the_line(lines: list[str]) -> None:
    log = library_log(lines)
    with root_logger():
        log.install((io.StringIO(), io.StringIO()), io.StringIO())
        try:
            int("no")
        except ValueError:
            logging.getLogger("some.library").exception("It failed")
        log.remove()
    assert lines[0].startswith("ERROR some.library: It failed\nTraceback")
    assert lines[0].endswith("invalid literal for int() with base 10: 'no'")


@pytest.mark.parametrize(("tee", "takes"), [(False, False), (True, True)])
def test_handlers_get_what_no_job_takes(lines: list[str], tee: bool, takes: bool) -> None:
    redirected, former = io.StringIO(), io.StringIO()
    handler, detailed = logging.StreamHandler(redirected), logging.getLogger("detailed.library")
    log = library_log(lines, tee=tee, takes=takes)
    with root_logger(handler) as root:
        log.install((redirected, io.StringIO()), former)
        logging.getLogger("some.library").warning("odd")
        logging.getLogger("some.library").info("not shown before")
        detailed.setLevel(logging.DEBUG)
        logging.getLogger("detailed.library.part").debug("shown before")
        detailed.setLevel(logging.NOTSET)
        log.remove()
        assert root.handlers == [handler]
    assert former.getvalue() == "odd\nshown before\n"
    assert (redirected.getvalue(), handler.stream) == ("", redirected)
