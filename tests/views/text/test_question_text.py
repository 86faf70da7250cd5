from uuid import UUID

import pytest
from flask import Flask

from webapp.jobs.questions.question import group_key, role_key, user_key
from webapp.views.text.question_text import respondents_text

ME, ANA, GONE = (UUID(int=number) for number in (1, 2, 3))


@pytest.mark.parametrize(
    ("asked_of", "words"),
    [
        (user_key(ME), "You"),
        (user_key(ANA), "Ana Ruiz"),
        (user_key(GONE), "Deleted account"),
        (group_key("Finance"), "Members of the group Finance"),
        (role_key("user"), "Any user"),
        (role_key("operator"), "Operators and admins"),
    ],
)
def test_whom_a_question_asks_is_said_in_words(app: Flask, asked_of: str, words: str) -> None:
    with app.test_request_context():
        assert respondents_text(asked_of, {ANA: "Ana Ruiz"}, ME) == words
