from uuid import uuid4

import pytest
from flask import Flask, session

from webapp.accounts.user import User
from webapp.services import Services
from webapp.views.security.login import pending_id, pending_user, remember_pending


def test_a_right_password_is_remembered_for_some_minutes(
    app: Flask, services: Services, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.test_request_context("/login/code"):
        assert (pending_user(), pending_id()) == (None, "")
        remember_pending(user)
        assert (pending_user(), pending_id()) == (user, str(user.id))
        monkeypatch.setattr("webapp.views.security.login.PENDING_LASTS", -1)
        assert (pending_user(), pending_id()) == (None, "")


def test_an_account_that_is_disabled_or_deleted_meanwhile_does_not_sign_in(
    app: Flask, services: Services, user: User
) -> None:
    with app.test_request_context("/login/code"):
        remember_pending(user)
        services.accounts.disable(user.name)
        assert pending_user() is None
        session["pending_sign_in"]["user"] = str(uuid4())
        assert pending_user() is None
