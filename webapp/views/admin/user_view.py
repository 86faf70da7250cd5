"""What the pages of people say of each one."""

from dataclasses import dataclass
from uuid import UUID

from webapp.accounts.user import Role, User
from webapp.jobs import owners
from webapp.jobs.queries import TAB_CEILING
from webapp.services import Services
from webapp.views.moments import Moment
from webapp.views.reader import Reader
from webapp.views.texts import gettext as _
from webapp.views.wording import Look


@dataclass(frozen=True, slots=True, kw_only=True)
class UserView:
    """A person as the people who look after accounts see them; with ``more_jobs``, at least so many ``jobs``."""

    user: User
    look: Look
    role: str
    added: Moment
    jobs: int
    more_jobs: bool

    @property
    def id(self) -> UUID:
        """Whose it is."""
        return self.user.id

    @property
    def name(self) -> str:
        """What they sign in with."""
        return self.user.name


def user_views(services: Services, people: tuple[User, ...], reading: Reader) -> tuple[UserView, ...]:
    """Describe people."""
    counted = owners.count(services.engine, [person.id for person in people])
    return tuple(
        UserView(
            user=person,
            look=_look(person),
            role=role_word(person.role),
            added=reading.day(person.created_at),
            jobs=counted[person.id],
            more_jobs=counted[person.id] >= TAB_CEILING,
        )
        for person in people
    )


def role_word(role: Role) -> str:
    """Say what a role is called."""
    words = {
        Role.USER: _("User"),
        Role.AUDITOR: _("Auditor"),
        Role.OPERATOR: _("Operator"),
        Role.ADMIN: _("Admin"),
    }
    return words[role]


def role_choices() -> tuple[tuple[str, str, str], ...]:
    """Return the roles to choose from: the value, the word, and what people in it may do."""
    means = {
        Role.USER: _("starts jobs and sees their own"),
        Role.AUDITOR: _("reads everything, changes nothing"),
        Role.OPERATOR: _("acts on all jobs, queues and workers"),
        Role.ADMIN: _("may do everything, also with people and types"),
    }
    return tuple((role.value, role_word(role), means[role]) for role in Role)


def _look(person: User) -> Look:
    if not person.active:
        return Look(_("Disabled"), "failed", "x")
    if person.password_is_temporary:
        return Look(_("One-time password"), "attention", "clock")
    return Look(_("Active"), "done", "check")
