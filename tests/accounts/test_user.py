from datetime import UTC, datetime
from uuid import uuid4

from webapp.accounts.user import Role, User


def test_everybody_but_a_plain_user_sees_all() -> None:
    assert [role for role in Role if not role.sees_all] == [Role.USER]


def test_people_without_a_full_name_are_shown_by_the_one_they_have() -> None:
    ana = User(id=uuid4(), name="ana", role=Role.USER, created_at=datetime.now(UTC))
    assert ana.display_name == "ana"
