from dataclasses import fields

from webapp.accounts.user import User
from webapp.accounts.user_rows import COLUMNS, to_user


def test_a_user_is_created_from_its_row_without_the_password_hash() -> None:
    names = [column.name for column in COLUMNS]
    assert names == [field.name for field in fields(User)]
    user = to_user({**dict.fromkeys(names), "role": "admin", "password_hash": "secret"})
    assert user.role.sees_all
    assert not hasattr(user, "password_hash")
