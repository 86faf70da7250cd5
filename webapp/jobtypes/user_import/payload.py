"""The payload of a user import; its form is generated from it."""

from pydantic import BaseModel, Field

from webapp.accounts.user import Role
from webapp.jobs import Upload
from webapp.jobtypes.user_import.csv_reader import MOST_BYTES, MOST_ROWS


class UserImport(BaseModel):
    """A CSV file of users, and a default for missing roles."""

    file: Upload = Field(
        title="File",
        description="A CSV file with the columns name, full_name, email, role and password. Only name is required. "
        f"Up to {MOST_ROWS:,} rows.",
        json_schema_extra={"accept": ".csv,.tsv,.txt", "max_bytes": MOST_BYTES},
    )
    default_role: Role = Field(
        default=Role.USER,
        title="Default role",
        description="For rows without a role.",
        examples=["user"],
    )
    dry_run: bool = Field(
        default=False,
        title="Dry run",
        description="Checks every row and creates no accounts.",
        examples=[True],
    )
