"""A row as a person who could have an account. Pure: whether the name is free is not asked here."""

from collections.abc import Callable
from dataclasses import dataclass, field

from webapp.accounts import passwords, validation
from webapp.accounts.user import Role
from webapp.accounts.validation import BadAccount
from webapp.jobtypes.user_import.csv_reader import ImportRow

_MISPLACED = "The row has more cells than columns. Put quotes around cells that contain the delimiter."
_NO_ROLE = f"Unknown role. The roles are {', '.join(Role)}."


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedUser:
    """Who keeps to the rules. An empty password is one that is still to be made."""

    line: int
    name: str
    full_name: str
    email: str | None
    role: Role
    password: str = field(repr=False)


def imported_user(row: ImportRow, default_role: Role) -> ImportedUser:
    """Return the person of a row, or raise `BadAccount` with a sentence for each thing that is wrong."""
    if row.misplaced:
        raise BadAccount(_MISPLACED)
    wrong: list[str] = []

    def kept(column: str, rule: Callable[[str], str | None]) -> str | None:
        try:
            return rule(row.cells.get(column, ""))
        except BadAccount as reason:
            wrong.append(str(reason))
            return None

    name, full_name = kept("name", validation.valid_name), kept("full_name", validation.valid_full_name)
    email, role = kept("email", validation.valid_email), kept("role", lambda cell: _role(cell, default_role))
    password = kept("password", lambda cell: _password(cell, name or ""))
    if wrong:
        raise BadAccount(" ".join(wrong))
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
