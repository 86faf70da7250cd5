"""The payload of a user import; its form is generated from it."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints, field_validator

from webapp.accounts.user import Role
from webapp.jobs import Upload
from webapp.jobtypes.tables.csv_output import CsvMark
from webapp.jobtypes.tables.table_payload import ACCEPT
from webapp.jobtypes.user_import.user_table import COLUMNS, MOST_BYTES, MOST_ROWS


class UserImport(BaseModel):
    """A CSV file of users, and a default for missing roles."""

    file: Upload = Field(
        title="File",
        description="A CSV file or workbook with the columns name, full_name, email, role and password. "
        f"Only name is required. Up to {MOST_ROWS:,} rows.",
        json_schema_extra={"accept": ACCEPT, "max_bytes": MOST_BYTES},
    )
    columns: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = Field(
        default="",
        title="Columns",
        description="Only if their names are not recognised (the preview shows them): name = Login, email = Mail.",
        examples=["name = Login, email = Mail"],
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

    mark: CsvMark = False

    @field_validator("columns")
    @classmethod
    def _check_columns(cls, columns: str) -> str:
        for part in filter(None, map(str.strip, columns.split(","))):
            column, mark, name = part.partition("=")
            if column.strip() not in COLUMNS or not mark or not name.strip():
                message = f"Write the columns as name = Login, email = Mail. The names are {', '.join(COLUMNS)}."
                raise ValueError(message)
        return columns

    @property
    def chosen_columns(self) -> dict[str, str]:
        """The name in the file of each column that a person has named."""
        parts = [part.partition("=") for part in self.columns.split(",") if part.strip()]
        return {column.strip(): name.strip() for column, _, name in parts}
