from typing import Never

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.jobs.model.incoming_text import clean_text, clean_traceback, text_of, visible_text

ANY_TEXT = st.text(alphabet=st.characters(codec=None, categories=None))
TERMINAL_TEXT = st.text(alphabet="\x1b\x9b\x9d[]0;1mKAPx\\\r\n\t\b\a\0\x7f é€\u2028\u202e\ud800")


class Silent:
    def __str__(self) -> Never:
        raise SystemExit


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("grün 🌱\n\t日本", "grün 🌱\n\t日本"),
        ("\x1b[1;31mred\x1b[0m and \x9b4mlined\x9bm", "red and lined"),
        ("\x1b[2J\x1b[1;1Hgone\x1b[K", "gone"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;https://example.com\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPq#0\x1b\\after", "after"),
        ("\x1b(B\x1b=\x1bMplain", "plain"),
        ("10 %\r20 %\r100 %", "100 %"),
        ("10 %\r20 %\r", "20 %"),
        ("one\r\ntwo\r\n", "one\ntwo\n"),
        ("a\rb\nc\rd", "b\nd"),
        ("\r\r\rx\r", "x"),
        ("\r", ""),
        ("bell\a back\b nul\0 del\x7f", "bell\u2407 back\u2408 nul\u2400 del\u2421"),
        ("\x1b", "\u241b"),
        ("\x1b[31", "31"),
        ("next\x85 \ud800", "next\ufffd \ufffd"),
        ("a\u2028b\u2029c", "a\nb\nc"),
        ("exe.\u202etxt", "exe.\ufffdtxt"),
    ],
)
def test_a_text_is_shown_as_its_terminal_would_leave_it(text: str, shown: str) -> None:
    assert visible_text(text) == shown


@given(ANY_TEXT | TERMINAL_TEXT, st.integers(0, 60))
def test_every_text_becomes_bounded_storable_and_visible(text: str, limit: int) -> None:
    clean = clean_text(text, limit)
    clean.encode()
    assert len(clean) <= limit
    assert all(c in "\n\t" or (c >= " " and not "\x7f" <= c <= "\x9f") for c in clean)
    assert visible_text(clean) == clean


def test_a_text_that_is_cut_says_so() -> None:
    cut = clean_text("x" * 2_000_000, 100)
    assert cut.endswith("x… (cut, 2,000,000 characters)")
    assert len(cut) == 100


def test_a_traceback_that_is_cut_keeps_its_beginning_and_its_end() -> None:
    cut = clean_traceback("first" + "x" * 100_000 + "last", 1000)
    assert len(cut) == 1000
    assert cut.startswith("firstx")
    assert cut.endswith("xlast")
    assert "\n… (cut, 100,009 characters)\n" in cut


def test_hostile_sequences_take_linear_time() -> None:
    for text in ("\x1b]", "\x1b[", "\x1bP\x1b", "\x9d", "\x90a", "\r", "a\r", "\x9b1"):
        clean_text(text * 500_000, 100)


def test_a_value_without_a_text_has_one_that_says_so() -> None:
    assert text_of(Silent()) == "(Its text cannot be shown: str() raised SystemExit.)"
    assert clean_text(5, 10) == "5"
