"""What an import of people is asked with; the form is made from it."""

from pydantic import BaseModel, Field

from webapp.accounts.user import Role
from webapp.jobs import Upload
from webapp.jobtypes.user_import.csv_reader import MOST_BYTES, MOST_ROWS


class UserImport(BaseModel):
    """A table of people, and what counts where it says nothing."""

    file: Upload = Field(
        title="People",
        description="A CSV file with the columns name, full_name, email, role, password; only name is needed. "
        f"Up to {MOST_ROWS:,} rows.",
        json_schema_extra={"accept": ".csv,.tsv,.txt", "max_bytes": MOST_BYTES},
    )
    default_role: Role = Field(
        default=Role.USER,
        title="Role of those who have none in the file",
        examples=["user"],
    )
    dry_run: bool = Field(
        default=False,
        title="Only check the file",
        description="Says what would be imported and rejected; makes no account.",
        examples=[True],
    )
