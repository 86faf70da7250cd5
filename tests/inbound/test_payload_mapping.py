from typing import Any

import pytest

from webapp.inbound.payload_mapping import BadMapping, check_mapping, headers_of, payload_of, value_at

MESSAGE = {"customer": {"id": 7, "a/b": 1, "tags": ["x", "y"]}, "total": None}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/customer/id", 7),
        ("customer.id", 7),
        ("$.customer.id", 7),
        ("/customer/a~1b", 1),
        ("/customer/tags/1", "y"),
        ("customer.tags[0]", "x"),
        ("/total", None),
        ("/", MESSAGE),
        ("$", MESSAGE),
        ("/customer/tags/9", None),
        ("/customer/tags/-1", None),
        ("/customer/id/deeper", None),
        ("/" + "9" * 300, None),
    ],
)
def test_a_path_leads_to_a_value(path: str, value: object) -> None:
    assert value_at(path, MESSAGE) == value


def test_a_payload_is_made_of_paths_constants_headers_and_defaults() -> None:
    mapping = check_mapping(
        {
            "customer": "/customer/id",
            "options.limit": {"value": 5},
            "options.event": {"header": "X-Event"},
            "note": {"path": "/note", "default": "none"},
            "missing": "/no/such/place",
            "total": "/total",
        }
    )
    headers = {"x-event": "paid"}
    assert payload_of(mapping, MESSAGE, headers) == {
        "customer": 7,
        "options": {"limit": 5, "event": "paid"},
        "note": "none",
        "total": None,
    }
    assert headers_of(mapping, {**headers, "cookie": "secret"}) == headers


def test_without_a_mapping_the_message_is_the_payload() -> None:
    assert payload_of({}, MESSAGE, {}) == MESSAGE
    with pytest.raises(BadMapping):
        payload_of({}, [1], {})


@pytest.mark.parametrize(
    "mapping",
    [
        [],
        {"a b": "/x"},
        {"": "/x"},
        {"a": 7},
        {"a": ""},
        {"a": {"path": "/x", "code": "import os"}},
        {"a": {"header": "Authorization"}},
        {"a": {"header": "X-Key"}},
        {"a": {"header": "bad header"}},
        {"a": "whsec_pasted"},
        {"a": "/x", "a.b": "/y"},
        {f"f{number}": "/x" for number in range(101)},
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused(mapping: Any) -> None:
    with pytest.raises(BadMapping) as error:
        check_mapping(mapping, secret_header="x-key")
    assert "whsec_" not in str(error.value)
