"""The payload of a dataset report; its form is generated from it."""

from typing import Literal

from pydantic import Field

from webapp.jobs import Upload
from webapp.jobtypes.tables.csv_output import CsvMark
from webapp.jobtypes.tables.table_payload import ACCEPT, TablePayload


class DatasetReport(TablePayload):
    """A file to describe, and perhaps an earlier one to compare it with."""

    compare_with: Upload | None = Field(
        default=None,
        title="Compare with",
        description="An earlier file of the same kind. The report then begins with what has changed.",
        json_schema_extra={"accept": ACCEPT},
    )
    language: Literal["auto", "en", "de"] = Field(
        default="auto",
        title="Language of the report",
        description="By default the language of the page on which you start the job.",
        json_schema_extra={"labels": {"en": "English", "de": "Deutsch"}, "reader_language": True},
        examples=["auto", "de"],
    )
    clean: bool = Field(
        default=False,
        title="Create a cleaned CSV file",
        description="Contains the valid rows, trimmed, in UTF-8, safe to open in a spreadsheet.",
        examples=[True],
    )
    mark: CsvMark = False
