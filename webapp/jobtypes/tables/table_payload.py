"""The fields of forms that take a table: the file, and how it is written."""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, Field, StringConstraints

from webapp.jobs import Upload
from webapp.jobtypes.tables.reading.encoding import encoding_name
from webapp.jobtypes.tables.reading.table_reader import TableFormat
from webapp.jobtypes.tables.values.column_formats import ValueChoices

ACCEPT = ".csv,.tsv,.txt,.xlsx,.xlsm,.xlsb,.xls,.ods"
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
DECIMALS = {"point": ".", "comma": ","}
Encoding = Literal[
    "auto",
    "utf-8",
    "utf-16",
    "windows-1252",
    "windows-1250",
    "windows-1251",
    "windows-1253",
    "windows-1254",
    "windows-1255",
    "windows-1256",
    "windows-1257",
    "iso-8859-2",
    "iso-8859-15",
    "mac-roman",
    "koi8-r",
    "cp850",
    "cp866",
    "cp932",
    "euc_jp",
    "gb18030",
    "big5",
    "euc_kr",
]
# Those of programs and statistical offices, dashes of any length, and the errors of spreadsheets in six languages
MISSING_WORDS = (
    r"NA, N/A, n/a, n.a., <NA>, NULL, null, None, NaN, nan, \N, -, --, –, —, ., .., …, :, ?, k. A., k.A., n.d., s/d, "  # noqa: RUF001
    "#N/A, #NV, #N/D, #DIV/0!, #¡DIV/0!, #VALUE!, #WERT!, #VALEUR!, #¡VALOR!, #VALOR!, #VALORE!, #REF!, #BEZUG!, "
    "#¡REF!, #RIF!, #NAME?, #NOM?, #¿NOMBRE?, #NOME?, #NUM!, #ZAHL!, #NOMBRE!, #¡NUM!, #NÚM!, "
    "#NULL!, #NUL!, #¡NULO!, #NULO!, #SPILL!, #ÜBERLAUF!, #CALC!, #KALK!, #FIELD!, #BUSY!, #BLOCKED!, #CONNECT!, "
    "#UNKNOWN!, #GETTING_DATA, Err:502, Err:504, Err:508"
)


class TablePayload(BaseModel):
    """A file and how to read it; what is not chosen is found out."""

    file: Upload = Field(
        title="Dataset",
        description="A CSV file or a workbook (XLSX, XLS, XLSB, ODS) of any size. Its format is detected.",
        json_schema_extra={"accept": ACCEPT},
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
    encoding: Encoding = Field(
        default="auto",
        title="Encoding",
        description="Choose one if accented letters look wrong.",
        json_schema_extra={"labels": {name: encoding_name(name) for name in get_args(Encoding)[1:]}},
        examples=["auto", "windows-1252"],
    )
    decimal: Literal["auto", "point", "comma"] = Field(
        default="auto",
        title="Decimal mark",
        description="The character before the decimals of a number.",
        examples=["auto", "comma"],
    )
    dates: Literal["auto", "day_first", "month_first"] = Field(
        default="auto",
        title="Dates like 3/4/2025",
        description="What such dates begin with.",
        json_schema_extra={"labels": {"day_first": "Day first", "month_first": "Month first"}},
        examples=["auto", "day_first"],
    )
    sheet: Annotated[str, StringConstraints(strip_whitespace=True, max_length=31)] = Field(
        default="",
        title="Sheet",
        description="The name of a sheet in a workbook. Default: the first sheet with cells.",
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

    @property
    def table_format(self) -> TableFormat:
        """What the person has chosen about the file."""
        return TableFormat(
            encoding=None if self.encoding == "auto" else self.encoding,
            delimiter=DELIMITERS.get(self.delimiter),
            sheet=self.sheet,
            has_header=self.has_header,
        )

    @property
    def value_choices(self) -> ValueChoices:
        """What the person has chosen about values."""
        day_first = {"day_first": True, "month_first": False}.get(self.dates)
        return ValueChoices(decimal=DECIMALS.get(self.decimal, ""), day_first=day_first)
