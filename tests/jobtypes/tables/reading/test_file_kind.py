import re
from io import BytesIO

import pytest

from webapp.jobs import JobError
from webapp.jobtypes.tables.reading.dialect import Dialect
from webapp.jobtypes.tables.reading.file_kind import WORKBOOKS, kind_of, refuse_prose


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"a,b\n1,2\n", "csv"),
        (b"[id],{x}\n1,2\n", "csv"),
        (b"<5,>5\n1,2\n", "csv"),
        (b"PK\x03\x04rest of the archive", "workbook"),
        (WORKBOOKS[1], "workbook"),
        ("имя,город\n".encode("utf-16") * 9, "csv"),
        (b"-- " * 170, "csv"),  # comments of SQL without an end, which patterns must not try in all ways
    ],
)
def test_the_content_decides_and_the_file_is_rewound(content: bytes, kind: str) -> None:
    file = BytesIO(content)
    assert kind_of(file, "table.xls") == kind
    assert file.read() == content


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"", "a.csv", "The file a.csv is empty."),
        (b"%PDF-1.7", "a.csv", "a PDF document, not a CSV file or workbook"),
        (b"\x1f\x8b\x08", "a.csv", "a gzip archive (unpack it first)"),
        (b"\xef\xbb\xbf\n <!DOCTYPE html>\n<title>Sign in</title>", "a.csv", "a web page, such as the sign-in page"),
        (b"<HTML><body>", "a.csv", "a web page"),
        (b"<?xml version='1.0'?>\n<rows/>", "a.csv", "an XML document"),
        (b'{"rows": [1,\n 2]}', "a.csv", "a JSON document"),
        (b'[\n {"a": 1}]', "a.csv", "a JSON document"),
        (b'<script>window.location="/login"</script>', "a.csv", "a web page"),
        (b"BEGIN:VCARD\nVERSION:3.0\n", "a.csv", "a list of contacts or appointments"),
        (b"From: a@example.org\nTo: b@example.org\n\nHello", "a.csv", "an email"),
        (b"-- dump\nINSERT INTO t VALUES (1, 2);\n", "a.csv", "an SQL script"),
        (b"a,b\n", "a.xlsx", "not a workbook, despite its name"),
        (bytes(range(1, 128)) * 3, "a.csv", "no text, not a CSV file"),
    ],
)
def test_other_files_are_refused_by_what_they_are(content: bytes, name: str, message: str) -> None:
    with pytest.raises(JobError, match=re.escape(message)):
        kind_of(BytesIO(content), name)


PROSE = [
    "It was late in the autumn, and the leaves had fallen from most of the trees.\n",
    "Nobody, not even the gardener, his dog, or the children, went out that morning.\n",
    "The letter lay on the table all the same, unopened as it had come from the town.\n",
    "She looked at it twice. Then the bell rang, and the day began as days do, slowly.\n",
    "In the kitchen there was bread, butter, jam, tea and a newspaper from last week.\n",
]


def test_running_text_is_no_table() -> None:
    with pytest.raises(JobError, match=r"a\.txt is not a table"):
        refuse_prose(PROSE, Dialect(delimiter=","), "a.txt")


def test_a_single_line_without_columns_is_no_table() -> None:
    with pytest.raises(JobError, match="a single line without columns"):
        refuse_prose(["Access denied.\n"], Dialect(delimiter=","), "a.txt")


def test_a_single_column_of_sentences_is_a_table() -> None:
    refuse_prose([line.replace(",", "") for line in PROSE], Dialect(delimiter=","), "a.txt")
    refuse_prose(["a,b\n", *["1,2\n"] * 9], Dialect(delimiter=","), "a.csv")
