import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.jobs.model import json_values


@given(st.text(alphabet=st.characters(codec=None, categories=None)))
def test_any_text_can_be_encoded_and_has_no_nul(words: str) -> None:
    kept = json_values.storable_text(words)
    kept.encode()
    assert "\0" not in kept
    assert len(kept) == len(words)


def test_a_text_that_can_be_stored_is_left_alone() -> None:
    assert json_values.storable_text("grün 🌱\n\t\\u0000") == "grün 🌱\n\t\\u0000"


def test_texts_are_found_at_any_depth() -> None:
    assert json_values.storable_values({"a\0": [{"b": ("\ud800", 1, None, True)}]}) == {
        "a\ufffd": [{"b": ["\ufffd", 1, None, True]}]
    }


@pytest.mark.parametrize("value", [object(), float("nan"), float("inf"), b"bytes"])
def test_what_is_no_json_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        json_values.json_size({"value": value})


def test_the_size_is_that_of_the_json() -> None:
    assert json_values.json_size({"a": 1}) == len(json.dumps({"a": 1}))
