"""What is asked before a job is kept, or kept no longer."""

from webapp.views.asking.matter import Matter, Question, named
from webapp.views.texts import gettext as _


def keep(matter: Matter) -> Question:
    """Say for how long."""
    return Question(
        title=named(_("Keep %(job)s?"), matter.job),
        effect=_("It and its files stay until somebody deletes them."),
        action=_("Keep the job"),
        keep=_("Leave it"),
    )


def keep_no_longer(matter: Matter) -> Question:
    """Say when it goes."""
    day = matter.removed_at.text if matter.removed_at else ""
    return Question(
        title=named(_("Keep %(job)s no longer?"), matter.job),
        effect=_("It is removed in its time again, with its files."),
        action=_("Keep it no longer"),
        keep=_("Keep it"),
        notes=(_("That is: %(day)s.", day=day),) if day else (),
    )
