"""Passwords: strength rules, argon2id hashes and verification.

The costs are above OWASP's minimum (ASVS 5.0, appendix C). Each hash takes 64 MiB and much of a
core, so a process computes only two at a time: a flood of logins waits instead of using up memory.
"""

from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from webapp.accounts.validation import BadAccount

SHORTEST, LONGEST = 12, 128
_FEWEST_KINDS = 5  # "aaaaaaaaaaaa" and "121212121212" have one and two different characters
_FEWEST_OWN = 8  # characters that must remain after removing words that attackers try first
_OBVIOUS = (
    *("1234567890", "12345678", "123456", "1234", "qwertyuiop", "asdfghjkl", "qwerty", "abcdef", "abc123"),
    *("password", "passw0rd", "letmein", "welcome", "iloveyou", "changeme", "dragon", "monkey", "sunshine"),
    *("administrator", "admin", "operator", "auditor", "deskjob", "secret", "login", "user", "test"),
    *("1q2w3e4r5t6y", "q1w2e3r4t5y6", "1q2w3e4r", "zxcvbnm", "correcthorsebatterystaple"),
)

_hasher = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
_two_at_a_time = BoundedSemaphore(2)
# The hash of a random password, verified when there is no account so that it takes equally long
_NOBODYS = "$argon2id$v=19$m=65536,t=3,p=1$DfOHDWOG2JhrqRaaqoKvVA$gELAxkYiy81gFhwLD9LIpo+rqrSbcE9rXi+wJShw9gA"


def check_strength(password: str, name: str) -> None:
    """Raise `BadAccount` if the password is too weak for the account ``name``."""
    if not SHORTEST <= len(password) <= LONGEST:
        message = f"A password must have {SHORTEST} to {LONGEST} characters."
        raise BadAccount(message)
    if len(set(password)) < _FEWEST_KINDS or len(_without_obvious(password, name)) < _FEWEST_OWN:
        message = "This password is too easy to guess. A few unrelated words are easy to remember and hard to guess."
        raise BadAccount(message)


def hash_password(password: str) -> str:
    """Return the hash to store."""
    with _two_at_a_time:
        return _hasher.hash(password)


def verify_password(password: str, stored: str | None) -> bool:
    """Compare with a stored hash; without one the result is false and takes equally long."""
    if len(password) > LONGEST:
        return False
    with _two_at_a_time:
        try:
            return _hasher.verify(stored or _NOBODYS, password) and bool(stored)
        except VerifyMismatchError:
            return False


def needs_rehash(stored: str) -> bool:
    """Whether a hash was created with other cost parameters than the current ones."""
    return _hasher.check_needs_rehash(stored)


def _without_obvious(password: str, name: str) -> str:
    rest = password.casefold()
    for word in sorted({name.casefold(), *_OBVIOUS}, key=len, reverse=True):
        rest = rest.replace(word, "")
    return rest
