"""Generate initial passwords that are random, but the same when the job is retried after a crash.

They are derived from a random seed. The job keeps the seed, encrypted, from before the first account is
created until the file with the passwords exists. Otherwise the passwords of all accounts that were created
before a crash would be lost.
"""

import hmac
import secrets
from collections.abc import Mapping

from pydantic import SecretStr

from webapp.jobs import Vault

_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 letters and digits that are easy to tell apart
_GROUPS, _GROUP = 4, 5  # 100 bits


def new_seed(vault: Vault) -> dict[str, str]:
    """Return a new seed, encrypted for the job's state."""
    return vault.encrypt(SecretStr(secrets.token_hex(32)))


class InitialPasswords:
    """The passwords that are derived from a seed."""

    def __init__(self, stored_seed: Mapping[str, str], vault: Vault) -> None:
        self._seed = vault.decrypt(stored_seed).encode()

    def of(self, name: str) -> str:
        """Return the password of this account, like ``k7mfq-3xw9a-r2dhe-v8ptc``."""
        random = hmac.digest(self._seed, name.encode(), "sha256")
        letters = "".join(_LETTERS[byte % len(_LETTERS)] for byte in random[: _GROUPS * _GROUP])
        return "-".join(letters[start : start + _GROUP] for start in range(0, len(letters), _GROUP))
