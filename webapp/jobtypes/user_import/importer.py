"""Import each valid row once, no matter how often the job is retried, and write the others to rejected.csv.

An account stores the ID of the job that created it, and a name that appears twice is rejected while the
file is read. So an account with this job's ID can only come from the current row: it counts as imported
and not as a duplicate.
"""

from collections.abc import Callable

from webapp.accounts.accounts import Accounts, NameTaken
from webapp.accounts.audit_log import AuditAction, AuditActor, AuditLine, AuditTarget
from webapp.accounts.audit_log_writer import AuditLogWriter
from webapp.accounts.user import Role
from webapp.accounts.validation import BadAccount
from webapp.jobs import JobContext
from webapp.jobtypes.user_import.lazy_csv import LazyCsv
from webapp.jobtypes.user_import.row_validation import ImportedUser, imported_user
from webapp.jobtypes.user_import.user_table import ImportRow, UserTable

LINE = "line"  # key of the job's state: the last line that was imported (the checkpoint)


class Importer:
    """Creates accounts on behalf of one user, and saves a checkpoint after each; the audit log has a line for each."""

    def __init__(
        self,
        job: JobContext,
        accounts: Accounts,
        audit: AuditLogWriter,
        actor: AuditActor,
        *,
        password_of: Callable[[str], str],
        passwords: LazyCsv,
    ) -> None:
        self._job = job
        self._accounts = accounts
        self._audit = audit
        self._actor = actor
        self._password_of = password_of
        self._passwords = passwords

    def import_user(self, user: ImportedUser) -> None:
        """Create the account unless an earlier attempt did, and list its password if it was generated."""
        password = user.password or self._password_of(user.name)
        is_new = is_free(self._accounts, user, self._job)
        if is_new:
            self._create(user, password)
        if not user.password:
            self._passwords.add(user.name, user.full_name, user.email, password)
        if is_new:
            self._job.state[LINE] = user.line
            self._job.save_state()  # last, because it can raise JobCancelled

    def _create(self, user: ImportedUser, password: str) -> None:
        if user.line <= self._job.state[LINE]:
            message = "This import created the account, and it was deleted or renamed since."
            raise BadAccount(message)
        line = AuditLine(
            actor=self._actor,
            action=AuditAction.USER_ADD,
            kind=AuditTarget.USER,
            id=user.name,
            name=user.full_name,
            after={"role": user.role.value, "job": self._job.id},
        )
        try:
            with self._audit.record_with_change(line):
                self._accounts.add(
                    user.name,
                    password,
                    role=user.role,
                    full_name=user.full_name,
                    email=user.email,
                    tenant=self._job.owner.tenant,
                    imported_by=self._job.id,
                )
        except NameTaken:
            is_free(self._accounts, user, self._job)  # an earlier attempt can have created it just now


def is_free(accounts: Accounts, user: ImportedUser, job: JobContext) -> bool:
    """Return whether the name is free; raise `NameTaken` if another job or user created the account."""
    existing = accounts.by_name(user.name)
    if existing is not None and existing.imported_by != job.id:
        raise NameTaken(user.name)
    return existing is None


REJECTED = ("line", "reason", "name", "full_name", "email", "role")  # never the password
_LISTED_COLUMNS = REJECTED[2:]


class ImportRun:
    """One pass over the file. Every attempt judges the rows in the same way."""

    def __init__(self, job: JobContext, rejected: LazyCsv, *, default_role: Role, words: str) -> None:
        self._job = job
        self._rejected = rejected
        self._default_role = default_role
        self._words = words
        self._lines: dict[str, int] = {}
        self._imported = 0

    @property
    def rejected(self) -> int:
        """The number of rejected rows."""
        return self._rejected.count

    @property
    def summary(self) -> str:
        """The number of imported and rejected rows so far, as a sentence."""
        return self._words.format(taken=self._imported, rejected=self.rejected)

    def process(self, table: UserTable, import_user: Callable[[ImportedUser], object]) -> None:
        """Call ``import_user`` for each valid row; rows for which it raises `BadAccount` are rejected."""
        total = table.count()
        for done, row in enumerate(table.rows(), 1):
            self._process_row(row, import_user)
            self._job.progress(done=done, total=total, message=self.summary)

    def _process_row(self, row: ImportRow, import_user: Callable[[ImportedUser], object]) -> None:
        try:
            user = imported_user(row, self._default_role)
            self._require_new(user)
            import_user(user)
            self._imported += 1
        except BadAccount as reason:
            # misplaced cells are not listed, because one of them can be the password
            cells = () if row.misplaced else (row.cells.get(column) for column in _LISTED_COLUMNS)
            self._rejected.add(row.line, reason, *cells)

    def _require_new(self, user: ImportedUser) -> None:
        earlier = self._lines.setdefault(user.name, user.line)
        if earlier != user.line:
            message = f"The name {user.name} already appears on line {earlier}."
            raise BadAccount(message)
