"""Who looks: the person who is signed in, and what the queries need to know of them."""

from typing import cast

from flask_login import current_user

from webapp.accounts.user import User
from webapp.jobs.queries import Viewer


def signed_in() -> User:
    """Return the person who is signed in; only for routes that need a login."""
    return cast(User, current_user._get_current_object())  # noqa: SLF001  (how Werkzeug unwraps a proxy)


def viewer() -> Viewer:
    """Return how far the signed-in person may look."""
    user = signed_in()
    return Viewer(user_id=user.id, sees_all=user.role.sees_all, tenant=user.tenant)
