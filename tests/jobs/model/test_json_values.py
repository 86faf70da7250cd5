import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.jobs.model import json_values


@given(st.text(alphabet=st.characters(codec=None, categories=None)))
def test_storable_text_can_be_encoded_and_has_no_nul(text: str) -> None:
    storable = json_values.storable_text(text)
    storable.encode()
    assert "\0" not in storable
    assert len(storable) == len(text)


def test_text_that_can_be_stored_does_not_change() -> None:
    assert json_values.storable_text("grün 🌱\n\t\\u0000") == "grün 🌱\n\t\\u0000"


def test_nested_texts_become_storable() -> None:
    assert json_values.storable_values({"a\0": [{"b": ("\ud800", 1, None, True)}]}) == {
        "a\ufffd": [{"b": ["\ufffd", 1, None, True]}]
    }


@pytest.mark.parametrize("value", [object(), float("nan"), float("inf"), b"bytes"])
def test_a_value_that_is_not_json_is_rejected(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        json_values.json_size({"value": value})


def test_the_size_is_the_length_of_the_json() -> None:
    assert json_values.json_size({"a": 1}) == len(json.dumps({"a": 1}))
