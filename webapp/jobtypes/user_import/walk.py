"""The walk through the rows of a file: each is taken, or stands in rejected.csv with the reason."""

from collections.abc import Callable

from webapp.accounts.rules import BadAccount
from webapp.accounts.user import Role
from webapp.jobs.context import JobContext
from webapp.jobtypes.user_import.late_csv import LateCsv
from webapp.jobtypes.user_import.people_table import PeopleTable, Row
from webapp.jobtypes.user_import.person import Person, person_of

REJECTED = ("line", "reason", "name", "full_name", "email", "role")  # never the password
_REPEATED = REJECTED[2:]


class Walk:
    """One pass over a file; what a file says of itself is judged the same way in every attempt."""

    def __init__(self, job: JobContext, rejected: LateCsv, *, default_role: Role, words: str) -> None:
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

    def through(self, table: PeopleTable, take: Callable[[Person], object]) -> None:
        """Offer each sound row to ``take``, which raises `BadAccount` if it cannot."""
        total = table.count()
        for done, row in enumerate(table.rows(), 1):
            self._judge(row, take)
            self._job.progress(done=done, total=total, message=self.summary)

    def _judge(self, row: Row, take: Callable[[Person], object]) -> None:
        try:
            person = person_of(row, self._default_role)
            self._require_new(person)
            take(person)
            self._taken += 1
        except BadAccount as reason:
            # cells in the wrong columns are not repeated: one of them may be the password
            cells = () if row.misplaced else (row.cells.get(column) for column in _REPEATED)
            self._rejected.add(row.line, reason, *cells)

    def _require_new(self, person: Person) -> None:
        earlier = self._lines.setdefault(person.name, person.line)
        if earlier != person.line:
            message = f"The name {person.name} stands on line {earlier} already."
            raise BadAccount(message)
