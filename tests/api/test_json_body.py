"""JSON that a forgiving parser would accept, and that costs something later."""

import json

import pytest

from tests.api.conftest import Program
from webapp.api.json_body import MOST_DEPTH, BadJson, parse_json

BAD = {
    "nothing": b"",
    "a half": b'{"type": ',
    "a duplicate key": b'{"type": "a", "type": "b"}',
    "a duplicate key inside": b'{"payload": {"a": 1, "a": 2}}',
    "NaN": b'{"payload": {"a": NaN}}',
    "Infinity": b'{"payload": {"a": -Infinity}}',
    "an infinite number": b'{"payload": {"a": 1e999}}',
    "a number with 5000 digits": b'{"payload": {"a": ' + b"9" * 5000 + b"}}",
    "a NUL": b'{"payload": {"a": "\\u0000"}}',
    "a NUL in a key": b'{"payload": {"\\u0000": 1}}',
    "a lone surrogate": b'{"payload": {"a": "\\ud800"}}',
    "latin-1": b'{"type": "\xe9"}',
    "UTF-16": '{"type": "a"}'.encode("utf-16"),
    "65 levels": b"[" * (MOST_DEPTH + 1) + b"]" * (MOST_DEPTH + 1),
    "100,000 levels": b"[" * 100_000,
    "100,000 whole levels": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
}


@pytest.mark.parametrize("name", BAD)
def test_bad_json_is_refused_with_a_problem_that_does_not_repeat_it(program: Program, name: str) -> None:
    response = program.call("POST", "/jobs", data=BAD[name], headers={"Content-Type": "application/json"})
    assert (response.status_code, response.mimetype) == (400, "application/problem+json")
    assert len(response.data) < 300


def test_good_json_is_read_as_it_is() -> None:
    value = {"a": [1, -2.5, True, None, "ü\n", {"b": {}}], "c": 2**63}
    assert parse_json(json.dumps(value)) == value
    assert parse_json("[" * MOST_DEPTH + "]" * MOST_DEPTH)


@pytest.mark.parametrize("body", [b"1", b'"x"', b"[]", b"null", b"[1]"])
def test_json_that_is_no_object_is_invalid(program: Program, body: bytes) -> None:
    response = program.call("POST", "/jobs", data=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 422


def test_a_body_of_megabytes_is_too_large(program: Program) -> None:
    body = b'{"type": "' + b"x" * 2_000_000 + b'"}'
    response = program.call("POST", "/jobs", data=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.mimetype) == (413, "application/problem+json")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_media_type_is_refused(program: Program, media_type: str) -> None:
    response = program.call("POST", "/jobs", data=b'{"type": "x"}', headers={"Content-Type": media_type})
    assert response.status_code == 415


def test_a_bad_text_names_its_place() -> None:
    with pytest.raises(BadJson, match="line 1, column 7"):
        parse_json('{"a": }')
