import pytest

from webapp.accounts.bookmarks.shared_names import BadName, valid_name


def test_a_name_is_one_line_without_invisible_characters() -> None:
    assert valid_name(" My \u200b  sheets ", "preset") == "My sheets"


@pytest.mark.parametrize("name", ["", "  ", "x" * 61])
def test_a_name_that_is_empty_or_too_long_is_refused_with_its_noun(name: str) -> None:
    with pytest.raises(BadName, match="A preset needs a name of 1 to 60 characters"):
        valid_name(name, "preset")


def test_a_character_that_cannot_be_read_is_named() -> None:
    with pytest.raises(BadName, match="cannot contain the character"):
        valid_name("a\u0007b", "preset")
