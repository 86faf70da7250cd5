from datetime import UTC, datetime
from uuid import uuid4

from webapp.accounts.user import Role, User


def test_every_role_except_user_sees_all_jobs() -> None:
    assert [role for role in Role if not role.sees_all] == [Role.USER]


def test_without_a_full_name_the_username_is_shown() -> None:
    ana = User(id=uuid4(), name="ana", role=Role.USER, created_at=datetime.now(UTC))
    assert ana.display_name == "ana"
