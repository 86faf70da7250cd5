"""Masks the secrets of a job's payload in everything that the job reports, before it is stored.

A secret is also masked in the forms in which libraries quote it: escaped in a repr, in JSON or HTML, encoded in a URL,
in base64, and line by line if it has several lines, such as a private key.
"""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Collection, Iterator, Mapping
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "**********"  # as pydantic shows a secret
_SHORT = 4  # characters; a shorter secret is masked only where it stands alone, or it would hide ordinary words
_LINE = 8  # characters of a line of a secret that are masked on their own


class SecretMask:
    """Masks known secrets in texts and in JSON values; without secrets it costs nothing."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(_pattern, longest_first))) if forms else None

    def text(self, text: str) -> str:
        """Return the text with masked secrets."""
        return self._pattern.sub(MASK, text) if self._pattern else text

    def values(self, value: Any) -> Any:
        """Return a JSON value in which secrets are masked in every text, including names."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.values(name): self.values(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.values(item) for item in value]
        # a secret of digits can be repeated as a number
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return MASK if is_number and self._pattern.fullmatch(str(value)) else value


NO_SECRETS = SecretMask()


def _forms(secret: str) -> Iterator[str]:
    if not secret.strip():
        return
    yield secret
    yield secret.strip()
    yield from (line.strip() for line in secret.splitlines() if len(line.strip()) >= _LINE)
    if len(secret) < _SHORT:
        return
    encoded = secret.encode("utf-8", "surrogatepass")
    yield repr(secret)[1:-1]
    yield repr(encoded)[2:-1]
    yield from (json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
    yield from (escape(secret), quote(encoded), quote(encoded, safe=""), quote_plus(encoded))
    yield from (b64encode(encoded).decode(), urlsafe_b64encode(encoded).decode())


def _pattern(form: str) -> str:
    return re.escape(form) if len(form) >= _SHORT else rf"(?<!\w){re.escape(form)}(?!\w)"
