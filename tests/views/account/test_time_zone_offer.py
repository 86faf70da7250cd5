from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.services import Services
from webapp.views.account import time_zone_offer

OFFER = "Times are shown in UTC, but this browser uses Asia/Tokyo."


@pytest.fixture
def offered(client: FlaskClient) -> FlaskClient:
    with client.session_transaction() as session:
        session[time_zone_offer._KEY] = "Asia/Tokyo"
    return client


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "UTC"])
def test_an_offer_is_on_every_page_until_the_user_has_decided(
    offered: FlaskClient, services: Services, user: User, zone: str
) -> None:
    for page in ("/jobs", "/jobs/new"):
        assert OFFER in offered.get(page).text
    answer = offered.post("/me/time-zone", data={"zone": zone, "next": "/jobs/new?x=1"})
    assert (answer.status_code, answer.location) == (303, "/jobs/new?x=1")
    assert OFFER not in offered.get("/jobs").text
    assert services.accounts.get(user.id).timezone == zone


def test_an_unknown_time_zone_is_refused(offered: FlaskClient) -> None:
    assert offered.post("/me/time-zone", data={"zone": "Mars"}).status_code == 422
    assert OFFER in offered.get("/jobs").text


def test_nothing_is_offered_without_a_browser_zone(client: FlaskClient, client_of: Callable[..., FlaskClient]) -> None:
    assert "but this browser uses" not in client.get("/jobs").text
