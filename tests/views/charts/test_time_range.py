"""The period of charts, chosen in the URL."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from webapp.accounts.user import User

PAGES = ("/admin/performance", "/admin/queues/default", "/admin/types/maintenance")


@pytest.mark.parametrize("page", PAGES)
def test_every_page_with_charts_has_the_same_periods(
    client_of: Callable[[User], FlaskClient], admin: User, page: str
) -> None:
    admins = client_of(admin)
    for name, label in {"1h": "1 hour", "24h": "24 hours", "7d": "7 days", "30d": "30 days", "90d": "90 days"}.items():
        text = admins.get(f"{page}?range={name}").text
        assert f'href="{page}?range={name}" aria-current="page">{label}</a>' in text
    assert 'aria-current="page">24 hours' in admins.get("/admin/performance?range=nonsense").text
