# ruff: noqa: RUF001  (letters of other scripts are meant)
import pytest

from webapp.visible_text import unreadable_character, without_invisible


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Ana", "Ana"),
        (" Ana \u200b", "Ana"),
        ("\ufeffAna\u2060 Ruiz\u00ad", "Ana Ruiz"),
        ("\u202eAna\u2069", "Ana"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # Persian needs the non-joiner
        ("\u200cعلی\u200c", "علی"),
        ("क्\u200dष", "क्\u200dष"),  # a joiner after a virama
        ("A\u200dna", "Ana"),
        ("अनिल", "अनिल"),
        ("İBRAHİM", "İBRAHİM"),
        ("", ""),
        ("\u200b", ""),
    ],
)
def test_invisible_characters_are_removed_where_no_script_needs_them(typed: str, kept: str) -> None:
    assert without_invisible(typed) == kept


def test_the_first_unreadable_character_is_named() -> None:
    assert unreadable_character("می\u200cخواهم अनिल") == ""
    assert unreadable_character("a\x07b\ue000") == "U+0007"
    assert unreadable_character("a\ue000") == "U+E000"
    assert unreadable_character("\ud800") == "U+D800"
