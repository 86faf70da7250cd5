"""What is asked of those who run the place: to put a job before others, and to show it to everybody."""

from webapp.views.asking.matter import Matter, Question, named
from webapp.views.texts import gettext as _


def run_next(matter: Matter) -> Question:
    """Say before whom."""
    return Question(
        title=named(_("Run %(job)s next?"), matter.job),
        effect=_("It is put before all others in its queue. The next worker that is free takes it."),
        action=_("Run it next"),
        keep=_("Let it wait"),
    )


def make_public(matter: Matter) -> Question:
    """Say what everybody sees."""
    return Question(
        title=named(_("Make %(job)s public?"), matter.job),
        effect=_("Everybody who can sign in sees that it runs and how it ended. "
                 "Its parameters, files and log stay with those who operate."),
        action=_("Make it public"),
        keep=_("Leave it"),
    )  # fmt: skip


def make_private(matter: Matter) -> Question:
    """Say who still sees it."""
    return Question(
        title=named(_("Make %(job)s private?"), matter.job),
        effect=_("Only those who see all jobs will still see it."),
        action=_("Make it private"),
        keep=_("Leave it"),
    )
