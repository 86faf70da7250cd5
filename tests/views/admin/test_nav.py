from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.views.admin.nav import LINKS


@pytest.mark.parametrize("role", ["auditor", "operator", "admin"])
def test_the_navigation_links_to_every_admin_page(
    app: Flask, person: Callable[..., User], client_of: Callable[[User], FlaskClient], role: str
) -> None:
    client = client_of(person("kim", role=role))
    assert 'href="/admin"' in client.get("/jobs").text
    text = client.get("/admin").text
    with app.test_request_context():
        urls = [app.url_for(link.endpoint) for link in LINKS if link.endpoint in app.view_functions]
    assert "/admin" in urls
    for address in urls:
        assert f'href="{address}"' in text
        assert client.get(address).status_code == 200


def test_admin_pages_are_not_found_for_users(user: User, client_of: Callable[[User], FlaskClient]) -> None:
    client = client_of(user)
    assert client.get("/admin").status_code == 404
    assert 'href="/admin"' not in client.get("/jobs").text
