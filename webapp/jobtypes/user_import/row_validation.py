"""Validate a row. Pure: does not check whether the name is free."""

from collections.abc import Callable
from dataclasses import dataclass, field

from webapp.accounts import passwords, validation
from webapp.accounts.user import Role
from webapp.accounts.validation import BadAccount
from webapp.jobtypes.user_import.user_table import ImportRow

_MISPLACED = "The row has more cells than columns. Put quotes around cells that contain the delimiter."
_NO_ROLE = f"Unknown role. The roles are {', '.join(Role)}."


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedUser:
    """The valid values of a row. An empty password means that one must be generated."""

    line: int
    name: str
    full_name: str
    email: str | None
    role: Role
    password: str = field(repr=False)


def imported_user(row: ImportRow, default_role: Role) -> ImportedUser:
    """Return the values of a row; raise `BadAccount` with a sentence for each error."""
    if row.misplaced:
        raise BadAccount(_MISPLACED)
    errors: list[str] = []

    def validated(column: str, validate: Callable[[str], str | None]) -> str | None:
        try:
            return validate(row.cells.get(column, ""))
        except BadAccount as error:
            errors.append(str(error))
            return None

    name, full_name = validated("name", validation.valid_name), validated("full_name", validation.valid_full_name)
    email, role = validated("email", validation.valid_email), validated("role", lambda cell: _role(cell, default_role))
    password = validated("password", lambda cell: _password(cell, name or ""))
    if errors:
        raise BadAccount(" ".join(errors))
    return ImportedUser(
        line=row.line,
        name=name or "",
        full_name=full_name or "",
        email=email,
        role=Role(role or ""),
        password=password or "",
    )


def _role(cell: str, default: Role) -> Role:
    try:
        return Role(cell.casefold()) if cell else default
    except ValueError:
        raise BadAccount(_NO_ROLE) from None


def _password(cell: str, name: str) -> str:
    if cell:
        passwords.check_strength(cell, name)
    return cell
