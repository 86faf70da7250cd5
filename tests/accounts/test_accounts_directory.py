from collections.abc import Callable

import pytest

from webapp.accounts.user import User
from webapp.accounts.validation import valid_name
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def test_users_are_listed_by_name_page_by_page(services: Services, person: Callable[..., User]) -> None:
    for name in ("cleo", "ana", "ben"):
        person(name)
    first = services.directory.page(limit=2)
    assert [one.name for one in first] == ["ana", "ben"]
    assert [one.name for one in services.directory.page(after="ben", limit=2)] == ["cleo"]


def test_users_are_found_by_a_part_of_any_detail(services: Services, person: Callable[..., User]) -> None:
    person("ana", full_name="Ana Ruiz", email="a@example.org")
    person("ben", role="operator", tenant="north")
    person("c_d")
    person(valid_name("İBRAHİM"), full_name="İbrahim Öz")
    for search, found in {
        "RUIZ": ["ana"],
        "example.org": ["ana"],
        "operat": ["ben"],
        "north": ["ben"],
        "_": ["c_d"],
        "\u200bana": ["ana"],
        "BRAHİM": ["ibrahim"],
        "öZ": ["ibrahim"],
    }.items():
        assert [one.name for one in services.directory.page(search)] == found, search
