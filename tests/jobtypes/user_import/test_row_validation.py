import pytest

from webapp.accounts.user import Role
from webapp.accounts.validation import BadAccount
from webapp.jobtypes.user_import.row_validation import imported_user
from webapp.jobtypes.user_import.user_table import ImportRow


def row(**cells: str) -> ImportRow:
    return ImportRow(line=2, cells={"name": "ana", **cells})


def test_missing_cells_get_their_defaults() -> None:
    user = imported_user(row(), Role.AUDITOR)
    assert (user.line, user.name, user.full_name, user.email, user.role, user.password) == (
        *(2, "ana", "", None, Role.AUDITOR, ""),
    )


def test_a_role_is_read_in_any_case() -> None:
    assert imported_user(row(role="Operator"), Role.USER).role is Role.OPERATOR


def test_every_error_of_a_row_is_named_at_once() -> None:
    with pytest.raises(BadAccount) as error:
        imported_user(row(name="", email="nowhere", role="king", password="short"), Role.USER)
    message = str(error.value)
    assert "username" in message
    assert "email address" in message
    assert "Unknown role." in message
    assert "password" in message


def test_no_message_repeats_a_cell() -> None:
    with pytest.raises(BadAccount) as error:
        imported_user(row(email="hunter2hunter2", role="s3cretrole"), Role.USER)
    assert "hunter2" not in str(error.value)
    assert "s3cret" not in str(error.value)


def test_a_row_with_more_cells_than_columns_is_refused_as_a_whole() -> None:
    with pytest.raises(BadAccount, match="more cells than columns"):
        imported_user(ImportRow(line=2, cells={"name": ""}, misplaced=True), Role.USER)
