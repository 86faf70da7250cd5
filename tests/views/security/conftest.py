"""An application with a few pages of each kind, so that the guards are tested also while it has no others."""

from uuid import uuid4

import pytest
from flask import Flask, Response, make_response
from flask.testing import FlaskClient
from werkzeug.routing import AnyConverter, IntegerConverter, Rule, UUIDConverter


@pytest.fixture
def site(app: Flask) -> Flask:
    app.add_url_rule("/sample", "sample", lambda: "a page")
    app.add_url_rule("/sample/_live", "sample_live", lambda: "a fragment")
    app.add_url_rule(
        "/sample/<uuid:job_id>/stop", "sample_stop", lambda job_id: "done", methods=["POST", "PUT", "DELETE"]
    )
    app.add_url_rule("/sample/cached", "sample_cached", cached)
    app.add_url_rule("/sample/broken", "sample_broken", lambda: 1 // 0)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return app


def cached() -> Response:
    response = make_response("kept for a minute")
    response.cache_control.max_age = 60
    return response


@pytest.fixture
def stranger(site: Flask) -> FlaskClient:
    return site.test_client()


def sample(rule: Rule, argument: str) -> object:
    """Return something that fits an argument of a route."""
    converter = rule._converters[argument]
    if isinstance(converter, AnyConverter):
        return min(converter.items)
    return uuid4() if isinstance(converter, UUIDConverter) else 7 if isinstance(converter, IntegerConverter) else "x"
