from typing import Any

import pytest
from flask import Flask

from webapp.jobs.model.approval import Approval
from webapp.views.text.approval_text import approval_needed_text, approvers_text


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ({}, "Operators and admins can approve it."),
        ({"role": "user"}, "Any other user can approve it."),
        ({"role": "auditor"}, "Auditors, operators and admins can approve it."),
        ({"role": "admin", "group": "Finance"}, "Admins can approve it."),
        ({"group": "Finance"}, "Members of the group Finance and admins can approve it."),
        (
            {"role": "operator", "group": "Finance"},
            "Members of the group Finance who are operators, and admins, can approve it.",
        ),
    ],
)
def test_a_sentence_says_who_can_approve(app: Flask, rules: dict[str, Any], sentence: str) -> None:
    with app.test_request_context():
        assert approvers_text(Approval(**rules)) == sentence


def test_a_form_says_before_the_start_that_approval_is_needed(app: Flask) -> None:
    with app.test_request_context():
        said = [approval_needed_text(found) for found in (None, Approval(), Approval(when=bool))]
    who = "Operators and admins can approve it."
    assert said == ["", f"It needs approval. {who}", f"Depending on its input, it needs approval. {who}"]
