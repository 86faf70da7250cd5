from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.views.page.request import viewer


@pytest.mark.parametrize(
    ("role", "sees_all"), [("user", False), ("auditor", True), ("operator", True), ("admin", True)]
)
def test_the_viewer_is_the_signed_in_user(
    app: Flask, client_of: Callable[[User], FlaskClient], person: Callable[..., User], role: str, *, sees_all: bool
) -> None:
    app.add_url_rule("/me-as-viewer", "me_as_viewer", lambda: repr(viewer()))
    somebody = person("somebody", role=role, tenant="north")
    seen = client_of(somebody).get("/me-as-viewer").text
    assert seen.startswith(
        f"Viewer(user_id={somebody.id!r}, sees_all={sees_all}, tenant='north', approves=frozenset(),"
    )
