"""The payload of a table conversion; its form is generated from it."""

from typing import Annotated, get_args

from pydantic import BaseModel, Field, StringConstraints, model_validator

from webapp.jobtypes.tables.csv_output import CsvMark
from webapp.jobtypes.tables.engine.conversion import Comparison, Format
from webapp.jobtypes.tables.table_payload import TablePayload

ColumnName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class KeptRows(BaseModel):
    """Which rows are kept; without a column, all of them."""

    column: ColumnName = Field(default="", title="Column", description="Blank: all rows.", examples=["region"])
    comparison: Comparison = Field(
        default="is",
        title="Comparison",
        json_schema_extra={"labels": {name: name for name in get_args(Comparison)}},
        examples=["is", "at least"],
    )
    value: ColumnName = Field(
        default="",
        title="Value",
        description="Written as in the file. Not needed for missing and present.",
        examples=["North", "100"],
    )


class TableConversion(TablePayload):
    """A table, and what is written of it in which format."""

    format: Format = Field(
        default="xlsx",
        title="Format",
        json_schema_extra={"labels": {"csv": "CSV", "xlsx": "XLSX", "jsonl": "JSON Lines", "parquet": "Parquet"}},
        examples=["parquet"],
    )
    columns: Annotated[str, StringConstraints(strip_whitespace=True, max_length=10_000)] = Field(
        default="",
        title="Columns",
        description="Separated by commas in the order wanted, a new name after an equals sign: id, Preis = price. "
        "Blank: all columns.",
        examples=["id, Preis = price"],
    )
    rows: KeptRows = Field(default_factory=KeptRows, title="Rows to keep")
    distinct: bool = Field(
        default=False,
        title="Remove duplicates",
        description="Of rows that are equal in the columns above, one is kept. The order of rows can change.",
        examples=[True],
    )
    as_written: bool = Field(
        default=False,
        title="Leave values as they are written",
        description="Otherwise numbers get a decimal point and dates become 2025-12-31.",
        examples=[True],
    )
    mark: CsvMark = False

    @model_validator(mode="after")
    def _check_rows(self) -> "TableConversion":
        needs_value = self.rows.comparison not in {"is", "is not", "is missing", "is present"}
        if self.rows.column and needs_value and not self.rows.value:
            message = "Give the value to which the column is compared."
            raise ValueError(message)
        return self
