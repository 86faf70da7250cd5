"""User import: create accounts from a table, each row once. Bad rows are listed in rejected.csv with a reason."""

from datetime import timedelta

from webapp.accounts.accounts import Accounts
from webapp.accounts.audit_log import AuditActor
from webapp.accounts.audit_log_writer import AuditLogWriter
from webapp.accounts.permissions import Right, may
from webapp.accounts.user import Role
from webapp.jobs import JobContext, JobError, Rate, Vault, job_type
from webapp.jobtypes.user_import.importer import LINE, REJECTED, Importer, ImportRun, is_free
from webapp.jobtypes.user_import.initial_passwords import InitialPasswords, new_seed
from webapp.jobtypes.user_import.lazy_csv import lazy_csv
from webapp.jobtypes.user_import.payload import UserImport
from webapp.jobtypes.user_import.user_preview import preview_users
from webapp.jobtypes.user_import.user_table import UserTable

__all__ = ["UserImport", "user_import"]

PASSWORD_COLUMNS = ("name", "full_name", "email", "password")
_SEED, _SUMMARY = "seed", "summary"  # keys of the job's state, as LINE; the seed is encrypted
_IMPORTED = "{taken:,} imported, {rejected:,} rejected"
_CHECKED = "{taken:,} can be imported, {rejected:,} would be rejected"


@job_type(
    "user_import",
    title="Import users",
    description="Creates accounts from a CSV file or workbook and generates missing passwords.",
    group="Users",
    roles=(Role.ADMIN,),
    for_tenants=False,
    asks_password=True,
    max_per=Rate(60, timedelta(hours=1), by="owner"),  # hashing passwords takes the time of other jobs
    max_attempts=3,
    timeout=timedelta(hours=12),
    keep_files=timedelta(days=7),
    preview=preview_users,
)
def user_import(job: JobContext, payload: UserImport, accounts: Accounts, audit: AuditLogWriter, vault: Vault) -> None:
    """Import the users, or only check the file; a retry continues after the last imported row."""
    actor = _require_admin(job, accounts)
    if _SUMMARY in job.state:
        job.message(job.state[_SUMMARY])  # an earlier attempt did everything and was lost at its end
        return
    table = UserTable(job.inputs["file"], payload.chosen_columns)
    used, unused = table.mapping()
    job.logger.info("Columns: %s", ", ".join(f"{column} = {name}" for column, name in used.items()))
    for column in unused:
        job.logger.warning("The column %r is ignored.", column)
    words = _CHECKED if payload.dry_run else _IMPORTED
    with lazy_csv(job, "rejected.csv", REJECTED, has_mark=payload.mark) as rejected:
        run = ImportRun(job, rejected, default_role=payload.default_role, words=words)
        if payload.dry_run:
            run.process(table, lambda user: is_free(accounts, user, job))
        else:
            if _SEED not in job.state:
                job.save_state({_SEED: new_seed(vault), LINE: 0})
            with lazy_csv(job, "passwords.csv", PASSWORD_COLUMNS, has_mark=payload.mark) as passwords:
                password_of = InitialPasswords(job.state[_SEED], vault).of
                importer = Importer(job, accounts, audit, actor, password_of=password_of, passwords=passwords)
                run.process(table, importer.import_user)
    _finish(job, run)


def _require_admin(job: JobContext, accounts: Accounts) -> AuditActor:
    """Return who imports; refuse an owner or starter who cannot change users. The system, such as a command, can."""
    actor = AuditActor(name="the system")
    for user_id in filter(None, (job.owner.user_id, job.triggered_by)):
        user = accounts.get(user_id)
        if user is None or not may(user, Right.CHANGE_USERS):
            raise JobError("Only admins can import users.")
        actor = AuditActor(id=user.id, name=user.name, role=user.role.value)
    return actor


def _finish(job: JobContext, run: ImportRun) -> None:
    job.message(run.summary)
    if run.rejected:
        job.warn("Some rows were rejected. See rejected.csv for the reasons.")
    job.save_state({_SUMMARY: run.summary})  # this deletes the seed from the state
