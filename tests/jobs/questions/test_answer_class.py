"""The class of an answer, by its name."""

import pytest

from tests.asked_jobs import FORM, Decision
from webapp.jobs.questions.answer_class import InvalidAnswer, UnknownForm, class_at, parse_answer, path_of, stored


def test_a_class_is_found_again_by_its_name() -> None:
    assert path_of(Decision) == FORM
    assert class_at(FORM) is Decision


@pytest.mark.parametrize("path", ["tests.asked_jobs:Gone", "tests.no_such_module:Decision", "os:getcwd", "nonsense"])
def test_a_class_that_is_not_there_is_said_so(path: str) -> None:
    with pytest.raises(UnknownForm, match="does not exist in the code that runs here"):
        class_at(path)


@pytest.mark.parametrize(
    ("values", "errors"),
    [
        ([], {"": "The answer must be an object."}),
        ({}, {"keep": "Field required."}),
        ({"keep": True, "kept": 1}, {"kept": "Unknown field. The fields are: keep, customer."}),
        ({"keep": True, "customer": "x" * 21}, {"customer": "String should have at most 20 characters."}),
    ],
)
def test_an_answer_that_does_not_fit_has_a_sentence_per_field(values: object, errors: dict[str, str]) -> None:
    with pytest.raises(InvalidAnswer) as refused:
        parse_answer(Decision, values, strict=True)
    assert refused.value.errors == errors


def test_an_answer_is_stored_as_json() -> None:
    assert stored(Decision(keep=True)) == {"keep": True, "customer": ""}
    assert parse_answer(Decision, {"keep": True, "once": 1}) == Decision(keep=True), "a field that it once had"
