"""The directory: people as a list, page by page, to look for somebody."""

from sqlalchemy import ColumnElement, Engine, or_, select

from webapp.accounts.rows import COLUMNS, to_user
from webapp.accounts.user import User
from webapp.database import reading
from webapp.schema import users

PAGE = 50


class Directory:
    """The people of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(self, search: str = "", *, after: str = "", limit: int = PAGE) -> tuple[User, ...]:
        """Return people by name, from behind ``after``; with ``search`` those in whose details it stands."""
        found = select(*COLUMNS).where(users.c.name > after, *_matching(search)).order_by(users.c.name).limit(limit)
        with reading(self._engine) as connection:
            return tuple(to_user(row) for row in connection.execute(found).mappings())


def _matching(search: str) -> list[ColumnElement[bool]]:
    word = search.strip()
    if not word:
        return []
    columns = (users.c.name, users.c.full_name, users.c.email, users.c.tenant, users.c.role)
    return [or_(*(column.icontains(word, autoescape=True) for column in columns))]
