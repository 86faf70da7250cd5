from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from webapp.accounts.groups.user_group import (
    GroupInUse,
    GroupNotFound,
    GroupTaken,
    MemberBySignOn,
    NotAMember,
    NoTypeForGroups,
    UserGroup,
)
from webapp.accounts.groups.user_groups import set_groups_by_sign_on
from webapp.accounts.user import User
from webapp.accounts.validation import BadAccount
from webapp.db.engine import writing
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def sign_on(services: Services, user: User, *names: str) -> tuple[list[str], list[str]]:
    with writing(services.engine) as connection:
        return set_groups_by_sign_on(connection, user.id, names)


@pytest.fixture
def finance(services: Services) -> UserGroup:
    return services.user_groups.add("Finance", "Who closes the books")


def user_of(services: Services, user_id: UUID) -> User:
    found = services.accounts.get(user_id)
    assert found is not None
    return found


def test_members_carry_the_groups_and_others_the_types_that_are_closed_to_them(
    services: Services, person: Callable[..., User], user: User, finance: UserGroup
) -> None:
    groups, ben = services.user_groups, person("ben")
    groups.add_member(finance, user.id)
    groups.add_member(finance, user.id)  # once more changes nothing
    groups.set_types(finance, ["dataset_report", "job_history_export"])
    sales = groups.add("Sales")
    groups.set_types(sales, ["job_history_export"])
    groups.add_member(sales, ben.id)
    found = [user_of(services, each) for each in (user.id, ben.id)]
    assert [each.groups for each in found] == [("Finance",), ("Sales",)]
    assert [each.types_of_other_groups for each in found] == [(), ("dataset_report",)]
    token = services.sessions.begin(ben.id)
    of_session = services.sessions.find(token)
    assert of_session is not None
    assert of_session.types_of_other_groups == ("dataset_report",)
    assert [(group.name, group.members, group.types) for group in groups.all()] == [
        ("Finance", 1, ("dataset_report", "job_history_export")),
        ("Sales", 1, ("job_history_export",)),
    ]
    assert groups.names_of_types()["job_history_export"] == ("Finance", "Sales")


def test_single_sign_on_decides_about_its_own_memberships_only(
    services: Services, person: Callable[..., User], user: User, finance: UserGroup
) -> None:
    groups = services.user_groups
    groups.add_member(finance, user.id)
    assert sign_on(services, user, "Finance", "Unknown", "\x00", "\ud800") == ([], ["Finance"])
    with pytest.raises(MemberBySignOn, match="sign-in service says that ana belongs to Finance"):
        groups.remove_member(finance, user.id)
    groups.add_member(finance, user.id)
    assert [(member.name, member.by_hand) for member in groups.members(finance)] == [("ana", True)]
    assert sign_on(services, user) == (["Finance"], [])
    assert user_of(services, user.id).groups == ("Finance",)  # by hand
    groups.remove_member(finance, user.id)
    assert user_of(services, user.id).groups == ()
    sign_on(services, user, "Finance")
    assert [(member.name, member.by_hand) for member in groups.members(finance)] == [("ana", False)]
    with pytest.raises(NotAMember, match="ben does not belong to Finance"):
        groups.remove_member(finance, person("ben").id)


def test_a_group_is_removed_only_after_its_types_because_everybody_could_start_them(
    services: Services, user: User, finance: UserGroup
) -> None:
    groups = services.user_groups
    groups.add_member(finance, user.id)
    groups.set_types(finance, ["dataset_report"])
    with pytest.raises(GroupInUse):
        groups.remove(finance)
    groups.set_types(finance, [])
    groups.remove(finance)
    assert (groups.all(), user_of(services, user.id).groups) == ((), ())
    for change in (
        lambda: groups.remove(finance),
        lambda: groups.set_types(finance, ["dataset_report"]),
        lambda: groups.add_member(finance, user.id),
        lambda: groups.get(finance.id),
        lambda: groups.find("Finance"),
    ):
        with pytest.raises(GroupNotFound):
            change()


def test_bad_values_are_refused_with_a_sentence(services: Services, finance: UserGroup) -> None:
    for name, sentence in (
        (" ", "a single line of 1 to 120 characters"),
        ("x" * 121, "a single line of 1 to 120 characters"),
        ("one\ntwo", "a single line of 1 to 120 characters"),
        ("a\x00b", "cannot contain the character"),
    ):
        with pytest.raises(BadAccount, match=sentence):
            services.user_groups.add(name)
    with pytest.raises(BadAccount, match="at most 200 characters"):
        services.user_groups.add("Sales", "x" * 201)
    for name in ("nothing", "bulk_action"):  # everybody's bulk actions would end
        with pytest.raises(NoTypeForGroups, match=f"There is no job type {name}"):
            services.user_groups.set_types(finance, [name])
    with pytest.raises(GroupTaken, match="A group named Finance already exists"):
        services.user_groups.add(" Finance ")


def test_a_new_user_has_the_groups_of_nobody_else(services: Services, user: User, finance: UserGroup) -> None:
    services.user_groups.add_member(finance, user.id)
    services.user_groups.set_types(finance, ["dataset_report"])
    added = services.accounts.add("ben", "a long enough secret")
    assert (added.groups, added.types_of_other_groups) == ((), ("dataset_report",))


def test_an_unknown_user_is_in_no_group(services: Services, finance: UserGroup) -> None:
    with pytest.raises(NotAMember):
        services.user_groups.remove_member(finance, uuid4())
