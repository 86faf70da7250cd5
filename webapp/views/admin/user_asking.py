"""What is asked, and said, before an account is changed."""

from dataclasses import replace

from flask import url_for

from webapp.accounts.user import User
from webapp.views.confirming import Confirmation
from webapp.views.texts import gettext as _
from webapp.views.viewer import signed_in


def last_admin(person: User) -> str:
    """Say why the last admin stays as they are."""
    said = _("%(name)s is the last admin, and nobody could let anybody in again.", name=person.display_name)
    return f"{said} {_('Make somebody else an admin first.')}"


def disabling(person: User) -> Confirmation:
    """Ask whether somebody is to be shut out."""
    themselves = person.id == signed_in().id
    asked = Confirmation(
        title=_("Disable the account of %(name)s?", name=person.display_name),
        effect=_("They are signed out at once and cannot sign in. What is theirs stays."),
        notes=(_("Jobs of theirs that wait will fail when their turn comes: a job runs with its owner's rights."),),
        action=_("Disable the account"),
        keep=_("Leave it active"),
        post=url_for("users.disable", user_id=person.id),
        back=url_for("users.show", user_id=person.id),
    )
    return replace(asked, notes=(*asked.notes, _("This is your own account."))) if themselves else asked


def resetting(person: User) -> Confirmation:
    """Ask whether somebody is to get a new password."""
    return Confirmation(
        title=_("Give %(name)s a new password?", name=person.display_name),
        effect=_("They are signed out at once. The new password is shown to you once, and they have to change it."),
        action=_("Make a new password"),
        keep=_("Keep the old one"),
        post=url_for("users.password", user_id=person.id),
        back=url_for("users.show", user_id=person.id),
    )
