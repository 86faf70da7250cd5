"""Who approves the jobs of a type, and that it asks for approval, in words."""

from webapp.jobs.model.approval import Approval
from webapp.views.text.translations import gettext as _


def approvers_text(approval: Approval) -> str:
    """Return a sentence that says who approves a job."""
    role, group = approval.weakest_role, approval.group
    if group is None:
        sentences = {
            "user": _("Any other user can approve it."),
            "auditor": _("Auditors, operators and admins can approve it."),
            "operator": _("Operators and admins can approve it."),
            "admin": _("Admins can approve it."),
        }
        return sentences[role or "operator"]
    if role in {None, "user"}:
        return _("Members of the group %(group)s and admins can approve it.", group=group)
    if role == "admin":
        return _("Admins can approve it.")
    return _("Members of the group %(group)s who are operators, and admins, can approve it.", group=group)


def approval_needed_text(approval: Approval | None) -> str:
    """Return what is said before a job is started: that somebody must approve it, and who can; empty if nobody must."""
    if approval is None:
        return ""
    needed = _("It needs approval.") if approval.when is None else _("Depending on its input, it needs approval.")
    return f"{needed} {approvers_text(approval)}"
