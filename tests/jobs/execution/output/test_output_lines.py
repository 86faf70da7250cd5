import pytest

from webapp.jobs.execution.output.output_lines import FULL, LINE_BYTES, MAX_BYTES, MAX_LINES, OutputLines


@pytest.fixture
def taken() -> list[str]:
    return []


@pytest.fixture
def lines(taken: list[str]) -> OutputLines:
    return OutputLines(taken.append)


def test_pieces_become_lines(lines: OutputLines, taken: list[str]) -> None:
    for piece in (b"one\ntw", b"o\r\n", b"\nth", b"ree"):
        lines.feed(piece)
    assert taken == ["one", "two", ""]
    assert lines.end() is None
    assert taken == ["one", "two", "", "three"]


def test_a_character_can_arrive_in_two_pieces(lines: OutputLines, taken: list[str]) -> None:
    first, second = "ü".encode()[:1], "ü".encode()[1:]
    lines.feed(first)
    lines.feed(second + b"\n\xff\n")
    assert taken == ["ü", "\ufffd"]


def test_a_text_comes_after_the_line_that_had_begun(lines: OutputLines, taken: list[str]) -> None:
    lines.feed(b"begun")
    lines.add_text("INFO library: a\nb")
    lines.feed(b"\nlast\n")
    assert taken == ["begun", "INFO library: a\nb", "", "last"]


def test_too_many_lines_are_counted_and_dropped(lines: OutputLines, taken: list[str]) -> None:
    lines.feed(b"x\n" * (MAX_LINES + 1))
    lines.feed(b"y\n" * 1023)
    lines.add_text("z" * 1023)
    assert (len(taken), taken[-1]) == (MAX_LINES + 1, FULL)
    assert lines.end() == "Output that was too long for this log was dropped: 1,025 lines, 3 KiB."
    assert len(taken) == MAX_LINES + 1


def test_too_many_bytes_are_counted_and_dropped(lines: OutputLines, taken: list[str]) -> None:
    line = b"x" * 1023 + b"\n"
    for _ in range(100 * 1024):
        lines.feed(line)
    assert (len(taken), taken[-1]) == (MAX_BYTES // 1024 + 1, FULL)
    assert lines.end() == "Output that was too long for this log was dropped: 101,376 lines, 101,376 KiB."


def test_a_line_without_an_end_takes_no_memory(lines: OutputLines, taken: list[str]) -> None:
    for _ in range(100):
        lines.feed(b"x" * LINE_BYTES)
    lines.feed(b"\nnext\n")
    assert [len(line) for line in taken] == [2 * LINE_BYTES, 4]
    assert (
        lines.end() == f"Output that was too long for this log was dropped: 0 lines, {98 * LINE_BYTES // 1024:,} KiB."
    )


def test_a_progress_bar_is_one_line_with_its_last_state(lines: OutputLines, taken: list[str]) -> None:
    for number in range(20_000):
        lines.feed(f"{number:>9} of 20000\r".encode())
        assert not lines.has_begun_line
    lines.feed(b"done\n")
    assert lines.end() is None
    assert len(taken) == 1
    assert taken[0].endswith("19999 of 20000\rdone"), "the log keeps the last state"


def test_a_line_that_has_begun_can_be_taken(lines: OutputLines, taken: list[str]) -> None:
    assert not lines.has_begun_line
    lines.feed(b"Continue? ")
    assert lines.has_begun_line
    lines.end_line()
    assert (taken, lines.has_begun_line) == (["Continue? "], False)
