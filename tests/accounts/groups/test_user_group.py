from uuid import uuid4

from webapp.accounts.groups.user_group import GroupMember, MemberBySignOn


def test_a_member_is_shown_with_the_full_name_if_there_is_one() -> None:
    named = [GroupMember(id=uuid4(), name="ana", full_name=full, by_hand=True) for full in ("Ana Ruiz", "")]
    assert [member.display_name for member in named] == ["Ana Ruiz", "ana"]


def test_a_refusal_names_user_and_group() -> None:
    assert str(MemberBySignOn("ana", "Finance")).startswith("The sign-in service says that ana belongs to Finance.")
