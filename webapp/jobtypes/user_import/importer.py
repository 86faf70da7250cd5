"""How a sound row becomes an account, once, however often the job has to begin again.

What makes that safe: an account carries the id of the job that made it, and a name that stands
twice in the file is seen in the file itself. So an account with this job's id can only have come
from the very row that is looked at: it counts as imported, not as a duplicate.

The run through the rows of a file: each is taken, or stands in rejected.csv with the reason.
"""

from collections.abc import Callable

from webapp.accounts.accounts import Accounts, NameTaken
from webapp.accounts.user import Role
from webapp.accounts.validation import BadAccount
from webapp.jobs import JobContext
from webapp.jobtypes.user_import.csv_reader import ImportRow, UserTable
from webapp.jobtypes.user_import.lazy_csv import LazyCsv
from webapp.jobtypes.user_import.row_validation import ImportedUser, imported_user

LINE = "line"  # of the job's state, the checkpoint: the last line that became an account


class Importer:
    """Makes accounts, and moves the checkpoint behind each."""

    def __init__(
        self, job: JobContext, accounts: Accounts, *, password_of: Callable[[str], str], listed: LazyCsv
    ) -> None:
        self._job = job
        self._accounts = accounts
        self._password_of = password_of
        self._listed = listed

    def take(self, person: ImportedUser) -> None:
        """Make the account unless an earlier attempt did; list its password if it was made up here."""
        password = person.password or self._password_of(person.name)
        missing = is_free(self._accounts, person, self._job)
        if missing:
            self._make(person, password)
        if not person.password:
            self._listed.add(person.name, person.full_name, person.email, password)
        if missing:
            self._checkpoint(person)  # last, as it may be told to stop

    def _make(self, person: ImportedUser, password: str) -> None:
        if person.line <= self._job.state[LINE]:
            message = "This import created the account, and it was deleted or renamed since."
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

    def _checkpoint(self, person: ImportedUser) -> None:
        self._job.state[LINE] = person.line
        self._job.save_state()


def is_free(accounts: Accounts, person: ImportedUser, job: JobContext) -> bool:
    """Tell whether the account is still to be made; raise `NameTaken` if it is not this job's."""
    known = accounts.by_name(person.name)
    if known is not None and known.imported_by != job.id:
        raise NameTaken(person.name)
    return known is None


REJECTED = ("line", "reason", "name", "full_name", "email", "role")  # never the password
_REPEATED = REJECTED[2:]


class ImportRun:
    """One pass over a file; what a file says of itself is judged the same way in every attempt."""

    def __init__(self, job: JobContext, rejected: LazyCsv, *, default_role: Role, words: str) -> None:
        self._job = job
        self._rejected = rejected
        self._default_role = default_role
        self._words = words
        self._lines: dict[str, int] = {}
        self._taken = 0

    @property
    def rejected(self) -> int:
        """How many rows were not taken."""
        return self._rejected.count

    @property
    def summary(self) -> str:
        """How it went so far."""
        return self._words.format(taken=self._taken, rejected=self.rejected)

    def process(self, table: UserTable, take: Callable[[ImportedUser], object]) -> None:
        """Offer each sound row to ``take``, which raises `BadAccount` if it cannot."""
        total = table.count()
        for done, row in enumerate(table.rows(), 1):
            self._judge(row, take)
            self._job.progress(done=done, total=total, message=self.summary)

    def _judge(self, row: ImportRow, take: Callable[[ImportedUser], object]) -> None:
        try:
            person = imported_user(row, self._default_role)
            self._require_new(person)
            take(person)
            self._taken += 1
        except BadAccount as reason:
            # cells in the wrong columns are not repeated: one of them may be the password
            cells = () if row.misplaced else (row.cells.get(column) for column in _REPEATED)
            self._rejected.add(row.line, reason, *cells)

    def _require_new(self, person: ImportedUser) -> None:
        earlier = self._lines.setdefault(person.name, person.line)
        if earlier != person.line:
            message = f"The name {person.name} already appears on line {earlier}."
            raise BadAccount(message)
