"""Whom a question asks, in words."""

from collections.abc import Mapping
from uuid import UUID

from webapp.jobs.questions.question import respondent_of
from webapp.views.text.translations import gettext as _


def respondents_text(asked_of: str, names: Mapping[UUID, str], reader: UUID) -> str:
    """Return who answers a question; ``names`` are those of users."""
    asked = respondent_of(asked_of)
    if asked.group is not None:
        return _("Members of the group %(group)s", group=asked.group)
    if asked.user is not None:
        return _("You") if asked.user == reader else names.get(asked.user) or _("Deleted account")
    by_role = {
        "user": _("Any user"),
        "auditor": _("Auditors, operators and admins"),
        "operator": _("Operators and admins"),
        "admin": _("Admins"),
    }
    return by_role[asked.role or "operator"]
