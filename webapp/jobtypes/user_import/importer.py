"""How a sound row becomes an account, once, however often the job has to begin again.

What makes that safe: an account carries the id of the job that made it, and a name that stands
twice in the file is seen in the file itself. So an account with this job's id can only have come
from the very row that is looked at: it counts as imported, not as a duplicate.
"""

from collections.abc import Callable

from webapp.accounts.accounts import Accounts, NameTaken
from webapp.accounts.rules import BadAccount
from webapp.jobs.context import JobContext
from webapp.jobtypes.user_import.late_csv import LateCsv
from webapp.jobtypes.user_import.person import Person

LINE = "line"  # of the job's state, the checkpoint: the last line that became an account


class Importer:
    """Makes accounts, and moves the checkpoint behind each."""

    def __init__(
        self, job: JobContext, accounts: Accounts, *, password_of: Callable[[str], str], listed: LateCsv
    ) -> None:
        self._job = job
        self._accounts = accounts
        self._password_of = password_of
        self._listed = listed

    def take(self, person: Person) -> None:
        """Make the account unless an earlier attempt did; list its password if it was made up here."""
        password = person.password or self._password_of(person.name)
        missing = is_free(self._accounts, person, self._job)
        if missing:
            self._make(person, password)
        if not person.password:
            self._listed.add(person.name, person.full_name, person.email, password)
        if missing:
            self._checkpoint(person)  # last, as it may be told to stop

    def _make(self, person: Person, password: str) -> None:
        if person.line <= self._job.state[LINE]:
            message = "Its account was made by this import, and was removed or renamed since."
            raise BadAccount(message)
        try:
            self._accounts.add(
                person.name,
                password,
                role=person.role,
                full_name=person.full_name,
                email=person.email,
                tenant=self._job.owner.tenant,
                imported_by=self._job.id,
            )
        except NameTaken:
            is_free(self._accounts, person, self._job)  # our own earlier attempt may have been faster

    def _checkpoint(self, person: Person) -> None:
        self._job.state[LINE] = person.line
        self._job.save_state()


def is_free(accounts: Accounts, person: Person, job: JobContext) -> bool:
    """Tell whether the account is still to be made; raise `NameTaken` if it is not this job's."""
    known = accounts.by_name(person.name)
    if known is not None and known.imported_by != job.id:
        raise NameTaken(person.name)
    return known is None
