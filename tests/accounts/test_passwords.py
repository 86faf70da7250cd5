import threading

import pytest

from webapp.accounts import passwords
from webapp.accounts.validation import BadAccount

GOOD = "rivers under seven bridges"
pytestmark = pytest.mark.usefixtures("real_passwords")


def test_a_hash_is_argon2id_with_the_agreed_costs() -> None:
    assert passwords.hash_password(GOOD).startswith("$argon2id$v=19$m=65536,t=3,p=1$")


def test_only_the_same_password_matches() -> None:
    stored = passwords.hash_password(GOOD)
    assert passwords.verify_password(GOOD, stored)
    assert not passwords.verify_password(GOOD + " ", stored)


@pytest.mark.parametrize("stored", [None, ""])
def test_nothing_matches_an_account_without_a_password(stored: str | None) -> None:
    assert not passwords.verify_password(GOOD, stored)
    assert not passwords.verify_password("", stored)


def test_an_unknown_account_takes_as_long_as_a_wrong_password() -> None:
    assert not passwords.needs_rehash(passwords._NOBODYS)


@pytest.mark.parametrize("password", [GOOD, "x9$kLm2@pQr7", "日本の鉄道は時間に正確です", "abcdefgh" * 8 + "!?;:.,-_"])
def test_long_passwords_of_any_characters_are_good(password: str) -> None:
    passwords.check_strength(password, "ana")


@pytest.mark.parametrize("password", ["", "x9$kLm2@pQr", "x9$kLm2@pQr7" * 11])
def test_a_password_has_12_to_128_characters(password: str) -> None:
    with pytest.raises(BadAccount, match="12 to 128"):
        passwords.check_strength(password, "ana")


@pytest.mark.parametrize(
    "password",
    ["password1234", "Passw0rd2026", "deskjobdeskjob", "DeskJob-1234!", "aaaaaaaaaaaa", "121212121212", "qwertyuiop12",
     "margarita-1", "MARGARITA2026", "correcthorsebatterystaple", "admin-admin-admin"],
)  # fmt: skip
def test_obvious_passwords_are_refused(password: str) -> None:
    with pytest.raises(BadAccount):
        passwords.check_strength(password, "margarita")


def test_an_endless_password_is_refused_without_hashing() -> None:
    with passwords._two_at_a_time, passwords._two_at_a_time:  # whoever hashed now would wait for ever
        assert not passwords.verify_password("x" * 10_000_000, passwords._NOBODYS)


def test_two_hashes_are_computed_at_a_time_and_the_others_wait() -> None:
    held = [passwords._two_at_a_time.acquire(timeout=5) for _ in range(2)]
    waiting = threading.Thread(target=passwords.verify_password, args=(GOOD, None))
    waiting.start()
    waiting.join(0.4)
    was_waiting = waiting.is_alive()
    for _ in held:
        passwords._two_at_a_time.release()
    waiting.join(10)
    assert was_waiting
    assert not waiting.is_alive()
