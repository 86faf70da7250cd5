import pytest

from webapp.accounts import validation
from webapp.accounts.validation import BadAccount


@pytest.mark.parametrize("name", ["ana", "Ana", " ANA ", "\uff21\uff2e\uff21"])
def test_one_name_has_one_spelling(name: str) -> None:
    assert validation.valid_name(name) == "ana"


@pytest.mark.parametrize("name", ["ana.ruiz", "ana@example.org", "7of9", "josé", "a", "x" * 80])
def test_letters_digits_and_a_few_marks_make_a_name(name: str) -> None:
    assert validation.valid_name(name) == name


@pytest.mark.parametrize("name", ["", " ", "-ana", "an a", "a/b", "ana\0", "ana\nroot", "x" * 81, "<b>"])
def test_other_characters_are_refused(name: str) -> None:
    with pytest.raises(BadAccount, match="start with a letter or digit"):
        validation.valid_name(name)


@pytest.mark.parametrize("name", ["Ana\nRuiz", "Ana\u202eRuiz", "x" * 121])
def test_a_full_name_is_one_line_that_can_be_read(name: str) -> None:
    with pytest.raises(BadAccount):
        validation.valid_full_name(name)


def test_an_invalid_email_address_is_refused() -> None:
    assert validation.valid_email("Ana@EXAMPLE.org") == "Ana@example.org"
    assert validation.valid_email("") is None
    with pytest.raises(BadAccount):
        validation.valid_email("ana at example")


def test_an_unknown_time_zone_is_refused() -> None:
    assert validation.valid_timezone("Europe/Madrid") == "Europe/Madrid"
    with pytest.raises(BadAccount, match="Mars"):
        validation.valid_timezone("Mars/Base")
