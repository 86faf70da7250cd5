"""The payload of a dataset report; its form is generated from it."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from webapp.jobs import Upload
from webapp.jobtypes.tables.encoding import encoding_name

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
ENCODINGS = ("utf-8", "utf-16", "windows-1252", "iso-8859-15", "mac-roman")
MISSING_WORDS = "NA, N/A, n/a, NULL, null, None, NaN, nan"


class DatasetReport(BaseModel):
    """A file and how to read it."""

    file: Upload = Field(
        title="Dataset",
        description="A CSV or XLSX file of any size. The delimiter is detected.",
        json_schema_extra={"accept": ".csv,.tsv,.txt,.xlsx,.xlsm"},
    )
    clean: bool = Field(
        default=False,
        title="Create cleaned.csv",
        description="Contains the valid rows, trimmed, in UTF-8, safe to open in a spreadsheet.",
        examples=[True],
    )
    has_header: bool = Field(
        default=True,
        title="The first row is a header",
        description="Otherwise the columns are named Column 1, Column 2 and so on.",
        examples=[True],
    )
    delimiter: Literal["auto", "comma", "semicolon", "tab", "bar"] = Field(
        default="auto",
        title="Delimiter",
        description="The character between the fields of a CSV file.",
        examples=["auto", "semicolon"],
    )
    encoding: Literal["auto", "utf-8", "utf-16", "windows-1252", "iso-8859-15", "mac-roman"] = Field(
        default="auto",
        title="Encoding",
        description="Choose one if accented letters look wrong.",
        json_schema_extra={"labels": {name: encoding_name(name) for name in ENCODINGS}},
        examples=["auto", "windows-1252"],
    )
    sheet: Annotated[str, StringConstraints(strip_whitespace=True, max_length=31)] = Field(
        default="",
        title="Sheet",
        description="The name of a sheet in an XLSX file. Default: the first sheet.",
        examples=["Sales 2025"],
    )
    missing: Annotated[str, StringConstraints(max_length=1000)] = Field(
        default=MISSING_WORDS,
        title="Values that count as missing",
        description="Separated by commas. Blank fields always count as missing.",
        examples=[MISSING_WORDS, "-, unknown"],
    )

    @property
    def missing_words(self) -> frozenset[str]:
        """The values that count as missing, including the blank one."""
        return frozenset(word.strip() for word in self.missing.split(",")) | {""}
