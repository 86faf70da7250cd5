"""Passwords: which are good enough, their argon2id hashes, and the comparison.

The costs are above OWASP's minimum (ASVS 5.0, appendix C). Each hash takes 64 MiB and much of a
core, so only two are computed at a time in a process: a flood of logins waits, memory does not grow.
"""

from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from webapp.accounts.validation import BadAccount

SHORTEST, LONGEST = 12, 128
_FEWEST_KINDS = 5  # "aaaaaaaaaaaa" and "121212121212" have one and two kinds of characters
_FEWEST_OWN = 8  # characters that must remain beside words that anybody would try
_OBVIOUS = (
    *("1234567890", "12345678", "123456", "1234", "qwertyuiop", "asdfghjkl", "qwerty", "abcdef", "abc123"),
    *("password", "passw0rd", "letmein", "welcome", "iloveyou", "changeme", "dragon", "monkey", "sunshine"),
    *("administrator", "admin", "operator", "auditor", "deskjob", "secret", "login", "user", "test"),
    *("1q2w3e4r5t6y", "q1w2e3r4t5y6", "1q2w3e4r", "zxcvbnm", "correcthorsebatterystaple"),
)

_hasher = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
_two_at_a_time = BoundedSemaphore(2)
# Of a random password that nobody knows; compared when there is no account, so that it takes as long
_NOBODYS = "$argon2id$v=19$m=65536,t=3,p=1$DfOHDWOG2JhrqRaaqoKvVA$gELAxkYiy81gFhwLD9LIpo+rqrSbcE9rXi+wJShw9gA"


def check_strength(password: str, name: str) -> None:
    """Raise `BadAccount` with the reason if the account ``name`` should not have this password."""
    if not SHORTEST <= len(password) <= LONGEST:
        message = f"A password must have {SHORTEST} to {LONGEST} characters."
        raise BadAccount(message)
    if len(set(password)) < _FEWEST_KINDS or len(_without_obvious(password, name)) < _FEWEST_OWN:
        message = "This password is too easy to guess. A few unrelated words are easy to remember and hard to guess."
        raise BadAccount(message)


def hash_password(password: str) -> str:
    """Return what is stored instead of the password."""
    with _two_at_a_time:
        return _hasher.hash(password)


def verify_password(password: str, stored: str | None) -> bool:
    """Compare with a stored hash; with none (``None`` or empty) it is false and takes as long."""
    if len(password) > LONGEST:
        return False
    with _two_at_a_time:
        try:
            return _hasher.verify(stored or _NOBODYS, password) and bool(stored)
        except VerifyMismatchError:
            return False


def needs_rehash(stored: str) -> bool:
    """Whether a hash was made with other costs than today's."""
    return _hasher.check_needs_rehash(stored)


def _without_obvious(password: str, name: str) -> str:
    rest = password.casefold()
    for word in sorted({name.casefold(), *_OBVIOUS}, key=len, reverse=True):
        rest = rest.replace(word, "")
    return rest
