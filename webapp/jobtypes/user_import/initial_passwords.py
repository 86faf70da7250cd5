"""First passwords: random, yet the same again when the job goes on after its process was killed.

They come from a random seed, which the job keeps, encrypted, from before the first account is made
until the file with the passwords has appeared. Without that, the passwords of all accounts that were
made before a kill would be known to nobody.
"""

import hmac
import secrets
from collections.abc import Mapping

from pydantic import SecretStr

from webapp.jobs import Vault

_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # 32, none of which looks like another
_GROUPS, _GROUP = 4, 5  # 100 bits


def new_seed(vault: Vault) -> dict[str, str]:
    """Return a new seed as it may be stored."""
    return vault.encrypt(SecretStr(secrets.token_hex(32)))


class InitialPasswords:
    """The passwords that come from one seed."""

    def __init__(self, stored_seed: Mapping[str, str], vault: Vault) -> None:
        self._seed = vault.decrypt(stored_seed).encode()

    def of(self, name: str) -> str:
        """Return the password of this account, like ``k7mfq-3xw9a-r2dhe-v8ptc``."""
        random = hmac.digest(self._seed, name.encode(), "sha256")
        letters = "".join(_LETTERS[byte % len(_LETTERS)] for byte in random[: _GROUPS * _GROUP])
        return "-".join(letters[start : start + _GROUP] for start in range(0, len(letters), _GROUP))
