"""Known secrets are masked in every form in which a text can quote them."""

import json
from base64 import b64encode
from urllib.parse import quote, quote_plus

import pytest

from webapp.jobs.model.secret_mask import MASK, SecretMask

SECRET = 'pa\'s/wörd & \\ <"x">'
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQ==\n-----END KEY-----\n"


@pytest.mark.parametrize(
    "quoted",
    [
        SECRET,
        repr(SECRET)[1:-1],
        repr(SECRET.encode())[2:-1],
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        b64encode(SECRET.encode()).decode(),
    ],
)
def test_a_secret_is_masked_however_it_is_quoted(quoted: str) -> None:
    assert SecretMask([SECRET]).text(f"key={quoted};") == f"key={MASK};"


def test_every_line_of_a_key_is_masked() -> None:
    masked = SecretMask([KEY]).text(f"{KEY}then MIIEvQIBADANBgkq alone")
    assert "MII" not in masked
    assert "hkiG" not in masked


def test_a_short_secret_is_masked_only_where_it_stands_alone() -> None:
    assert SecretMask(["12"]).text("PIN 12 of 1234") == f"PIN {MASK} of 1234"


def test_a_secret_that_contains_another_is_masked_completely() -> None:
    assert SecretMask(["sesame", "open sesame now"]).text("open sesame now, sesame") == f"{MASK}, {MASK}"


def test_values_are_masked_at_every_depth_and_in_names() -> None:
    value = {"sesame": ["open sesame", 3, None, {"pin": 471100}], "on": True}
    masked = {MASK: [f"open {MASK}", 3, None, {"pin": MASK}], "on": True}
    assert SecretMask(["sesame", "471100"]).values(value) == masked


@pytest.mark.parametrize("secrets", [[], [""], ["  "]])
def test_without_secrets_nothing_changes(secrets: list[str]) -> None:
    value = {"text": "a b"}
    assert SecretMask(secrets).values(value) == value
