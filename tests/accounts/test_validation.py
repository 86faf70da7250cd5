# ruff: noqa: RUF001  (letters of other scripts are meant)
import pytest

from webapp.accounts import validation
from webapp.accounts.validation import BadAccount


@pytest.mark.parametrize("name", ["ana", "Ana", " ANA ", "\uff21\uff2e\uff21"])
def test_one_name_has_one_spelling(name: str) -> None:
    assert validation.valid_name(name) == "ana"


@pytest.mark.parametrize("name", ["ana.ruiz", "ana@example.org", "7of9", "josé", "a", "x" * 80])
def test_letters_digits_and_a_few_marks_make_a_name(name: str) -> None:
    assert validation.valid_name(name) == name


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("İBRAHİM", "ibrahim"),
        ("अनिल", "अनिल"),
        ("علی\u200cرضا", "علی\u200cرضا"),
        ("\u200bana\u200b", "ana"),
        ("a\u200bna\ufeff", "ana"),
        ("นภา", "นภา"),
        ("ＡＮＡ", "ana"),
        ("ไม้เอก", "ไม้เอก"),
        ("Þórr", "þórr"),
    ],
)
def test_letters_of_all_scripts_make_a_name(typed: str, stored: str) -> None:
    name = validation.valid_name(typed)
    assert name == stored
    assert validation.valid_name(name) == name, "the stored name signs in"


def test_the_character_that_a_name_cannot_contain_is_named() -> None:
    with pytest.raises(BadAccount, match=r"A username cannot contain '/'"):
        validation.valid_name("ana/root")
    with pytest.raises(BadAccount, match=r"A full name cannot contain the character U\+0007"):
        validation.valid_full_name("Ana\x07")


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("علی\u200cرضا محمدی", "علی\u200cرضا محمدی"),
        ("İBRAHİM", "İBRAHİM"),
        ("अनिल कुमार", "अनिल कुमार"),
        ("\u200bAna Ruiz\u200b ", "Ana Ruiz"),
        ("Ana\u202eRuiz", "AnaRuiz"),
    ],
)
def test_a_full_name_is_kept_without_invisible_characters(typed: str, stored: str) -> None:
    assert validation.valid_full_name(typed) == stored


def test_addresses_and_tenants_are_kept_without_invisible_characters() -> None:
    assert validation.valid_email("\u200bana@example.org\ufeff") == "ana@example.org"
    assert validation.valid_email("\u200b") is None
    assert validation.valid_tenant(" Nord\u200b ") == "Nord"
    assert validation.valid_tenant("\u200b") is validation.valid_tenant(None) is None


@pytest.mark.parametrize("tenant", ["x" * 81, "a\nb", "a\x07"])
def test_a_tenant_is_one_line_that_can_be_read(tenant: str) -> None:
    with pytest.raises(BadAccount, match=r"A tenant (must be a single line|cannot contain the character)"):
        validation.valid_tenant(tenant)


def test_a_city_names_a_time_zone() -> None:
    assert validation.valid_timezone("berlin") == "Europe/Berlin"
    assert validation.valid_timezone(" ") == ""


@pytest.mark.parametrize("name", ["", " ", "-ana", "an a", "a/b", "ana\0", "ana\nroot", "x" * 81, "<b>"])
def test_other_characters_are_refused(name: str) -> None:
    with pytest.raises(BadAccount, match=r"start with a letter or digit|cannot contain '[/<]'"):
        validation.valid_name(name)


@pytest.mark.parametrize("name", ["Ana\nRuiz", "Ana\x07Ruiz", "x" * 121])
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
