"""Pages are compressed for browsers that accept it, each with another length."""

import gzip

import pytest
from flask import Flask
from flask.testing import FlaskClient

PACKED = {"Accept-Encoding": "br, gzip"}


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def test_a_page_is_compressed_for_browsers_that_accept_it(client: FlaskClient) -> None:
    packed = client.get("/login", headers=PACKED)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) == len(packed.data)
    assert b"</html>" in gzip.decompress(packed.data)


@pytest.mark.parametrize("accepted", ["", "identity", "gzip;q=0", "br"])
def test_other_clients_get_the_page_as_it_is(client: FlaskClient, accepted: str) -> None:
    plain = client.get("/login", headers={"Accept-Encoding": accepted})
    assert "Content-Encoding" not in plain.headers
    assert "</html>" in plain.text
    assert "Accept-Encoding" in plain.headers["Vary"]


def test_the_size_of_a_page_does_not_tell_what_it_says(client: FlaskClient) -> None:
    """A token or a guessed word in the page would change its size by a few bytes."""
    sizes = {len(client.get("/login", headers=PACKED).data) for _ in range(20)}
    assert max(sizes) - min(sizes) > 10


def test_machines_get_json_as_it_is(client: FlaskClient) -> None:
    assert "Content-Encoding" not in client.get("/healthz", headers=PACKED).headers
