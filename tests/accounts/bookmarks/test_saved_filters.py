"""Saved filters: the user's own, and those shared within a tenant."""

from collections.abc import Callable

import pytest
from sqlalchemy import update

from webapp.accounts.bookmarks import saved_filters
from webapp.accounts.bookmarks.saved_filters import BadFilter, FilterNotFound
from webapp.accounts.bookmarks.shared_names import BadName
from webapp.accounts.user import User
from webapp.db.engine import writing
from webapp.schema import users
from webapp.services import Services

Person = Callable[..., User]
FAILED = {"tab": "failed"}
pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def ana(person: Person) -> User:
    return person("ana")


def names(services: Services, user: User) -> list[str]:
    return [each.name for each in services.saved_filters.visible_to(user)]


def test_own_filters_come_first_then_those_shared_in_the_tenant(services: Services, person: Person, ana: User) -> None:
    bob, north = person("bob"), person("nora", tenant="north")
    save = services.saved_filters.save
    save(ana, " My  failures ", FAILED, shared=False, of_all_users=False)
    save(bob, "All failures", FAILED, shared=True, of_all_users=False)
    save(bob, "Private", FAILED, shared=False, of_all_users=False)
    save(north, "Northern", FAILED, shared=True, of_all_users=False)
    assert names(services, ana) == ["My failures", "All failures"]
    assert names(services, north) == ["Northern"]
    assert services.saved_filters.named(ana, "all FAILURES").arguments == FAILED
    assert services.saved_filters.shared_named("All failures").owner_name == "bob"
    for hidden in ("Private", "Northern", "My failures"):
        with pytest.raises(FilterNotFound):
            services.saved_filters.named(bob if hidden == "My failures" else ana, hidden)
    with pytest.raises(FilterNotFound):
        services.saved_filters.shared_named("Private")


def test_a_filter_of_operators_is_not_shown_to_users(services: Services, person: Person, ana: User) -> None:
    operator = person("olga", role="operator")
    services.saved_filters.save(operator, "Queue", {"queue": "slow"}, shared=True, of_all_users=True)
    assert names(services, ana) == []
    assert names(services, person("audi", role="auditor")) == ["Queue"]


def test_saving_under_the_same_name_replaces_the_filter(services: Services, ana: User) -> None:
    first = services.saved_filters.save(ana, "Mine", FAILED, shared=False, of_all_users=False)
    second = services.saved_filters.save(ana, "Mine", {"tab": "done"}, shared=True, of_all_users=False)
    assert second.id == first.id
    [only] = services.saved_filters.visible_to(ana)
    assert (only.arguments, only.shared) == ({"tab": "done"}, True)


def test_only_the_owner_changes_a_filter_and_admins_delete_shared_ones(
    services: Services, person: Person, ana: User
) -> None:
    admin, bob = person("adam", role="admin"), person("bob")
    saved = services.saved_filters.save(ana, "Mine", FAILED, shared=True, of_all_users=False)
    for other in (admin, bob):
        with pytest.raises(FilterNotFound):
            services.saved_filters.change(other, saved.id, name="Theirs")
    with pytest.raises(FilterNotFound):
        services.saved_filters.delete(bob, saved.id)
    assert services.saved_filters.change(ana, saved.id, name="Renamed").name == "Renamed"
    services.saved_filters.delete(admin, saved.id)
    assert names(services, ana) == []


def test_a_private_filter_is_not_found_by_admins(services: Services, person: Person, ana: User) -> None:
    saved = services.saved_filters.save(ana, "Mine", FAILED, shared=False, of_all_users=False)
    with pytest.raises(FilterNotFound):
        services.saved_filters.delete(person("adam", role="admin"), saved.id)


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\nb\0"])
def test_a_name_that_cannot_be_shown_is_refused(services: Services, ana: User, name: str) -> None:
    with pytest.raises(BadName, match="name"):
        services.saved_filters.save(ana, name, FAILED, shared=False, of_all_users=False)


def test_names_are_unique_and_filters_are_limited(
    services: Services, ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_filters, "MOST", 2)
    services.saved_filters.save(ana, "One", FAILED, shared=False, of_all_users=False)
    two = services.saved_filters.save(ana, "Two", FAILED, shared=False, of_all_users=False)
    with pytest.raises(BadFilter, match="already have a filter"):
        services.saved_filters.change(ana, two.id, name="One")
    with pytest.raises(BadFilter, match="at most 2"):
        services.saved_filters.save(ana, "Three", FAILED, shared=False, of_all_users=False)


def test_whoever_moves_to_another_tenant_shares_nothing_with_the_old_one(services: Services, person: Person) -> None:
    nora, nils, sara = person("nora", tenant="north"), person("nils", tenant="north"), person("sara", tenant="south")
    save = services.saved_filters.save
    save(nora, "Mine", FAILED, shared=True, of_all_users=False)
    assert names(services, nils) == ["Mine"]
    with writing(services.engine) as connection:
        connection.execute(update(users).where(users.c.id == nora.id).values(tenant="south"))
    moved = services.accounts.get(nora.id)
    assert moved is not None
    assert names(services, nils) == names(services, sara) == []
    save(moved, "Mine", {"q": "about the south"}, shared=True, of_all_users=False)
    assert (names(services, nils), names(services, sara)) == ([], ["Mine"])
