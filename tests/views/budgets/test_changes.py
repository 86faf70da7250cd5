import pytest
from flask import Flask
from werkzeug.exceptions import NotFound

from webapp.accounts.user import User
from webapp.views.budgets.changes import find_subject


def test_a_subject_is_a_role_or_a_user(app: Flask, user: User) -> None:
    with app.test_request_context():
        assert find_subject("role:operator").name == "operator"
        assert find_subject(f"user:{user.id}").name == user.name
        for unknown in ("role:king", "user:7", "operator", "user:"):
            with pytest.raises(NotFound):
                find_subject(unknown)
