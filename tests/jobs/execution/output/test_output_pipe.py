import os
import tempfile
from pathlib import Path

import pytest

from tests.jobs.execution.isolation.forked import in_child
from webapp.jobs.execution.output.output_pipe import FormerOutput, OutputPipe


def test_what_was_written_is_read_once() -> None:
    with OutputPipe() as pipe:
        assert pipe.is_empty()
        assert not pipe.wait(0)
        number = os.dup(0)
        pipe.redirect(number)
        os.write(number, b"one")
        assert (pipe.is_empty(), pipe.waiting(), pipe.wait()) == (False, 3, True)
        assert (pipe.read(), pipe.read()) == (b"one", b"")
        os.write(number, b"two")
        os.close(number)
        pipe.close_writer()
        assert pipe.rest() == b"two"


def test_the_rest_ends_although_something_goes_on_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    with OutputPipe() as pipe:
        number = os.dup(0)
        pipe.redirect(number)
        read, written = os.read, 0

        def read_while_something_writes(descriptor: int, count: int) -> bytes:
            nonlocal written
            assert (written := written + 1) < 100, "it never ends"
            os.write(number, b"x" * (pipe.capacity // 2))
            return read(descriptor, count)

        monkeypatch.setattr(os, "read", read_while_something_writes)
        assert pipe.capacity <= len(pipe.rest()) < 2 * pipe.capacity
        os.close(number)


def test_waiting_can_be_ended() -> None:
    with OutputPipe() as pipe:
        pipe.wake()
        assert pipe.wait()


def test_a_full_pipe_that_nobody_reads_is_emptied() -> None:
    with OutputPipe() as pipe:
        number = os.dup(0)
        pipe.redirect(number)
        assert pipe.relieve() == 0
        os.write(number, b"x" * pipe.capacity)
        pipe.read()
        os.write(number, b"x" * pipe.capacity)
        assert pipe.relieve() == 0, "it was read since the last look"
        assert pipe.relieve() == pipe.capacity
        os.write(number, b"little")
        assert pipe.relieve() == 0, "its writer does not wait"
        os.close(number)


def test_the_parent_sees_what_its_child_reads() -> None:
    with OutputPipe() as pipe:

        def work() -> object:
            pipe.redirect(1)
            os.write(1, b"x" * pipe.capacity)
            return len(pipe.read())

        pipe.relieve()
        assert in_child(work) == pipe.capacity
        number = os.dup(0)
        pipe.redirect(number)
        os.write(number, b"x" * pipe.capacity)
        os.close(number)
        assert pipe.relieve() == 0


def test_a_file_that_got_the_number_of_a_closed_pipe_is_left_alone() -> None:
    with tempfile.TemporaryDirectory() as folder:
        pipe, former = OutputPipe(), FormerOutput(1)
        numbers = {pipe._reader, pipe._writer, former._copy}
        for number in numbers:
            os.close(number)
        files = [Path(folder, str(number)).open("w+b", buffering=0) for number in range(40)]  # noqa: SIM115
        assert {file.fileno() for file in files} >= numbers
        for file in files:
            file.write(b"data")
            file.seek(0)
        with pytest.raises(OSError, match="was closed"):
            pipe.read()
        pipe.wake()
        former.write("text")
        former.restore(1)
        pipe.__exit__()
        assert [file.read() for file in files] == [b"data"] * 40
        for file in files:
            file.close()


def test_the_former_output_can_be_written_and_restored() -> None:
    reader, writer = os.pipe()
    former = FormerOutput(writer)
    os.dup2(os.open(os.devnull, os.O_WRONLY), writer)
    assert former.write("text ü") == 6
    former.flush()
    former.restore(writer)
    os.write(writer, b"!")
    assert os.read(reader, 100).decode() == "text ü!"
