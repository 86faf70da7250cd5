from io import BytesIO

import pytest

from webapp.jobs import JobError
from webapp.jobtypes.dataset_report.reading.file_kind import ENCRYPTED, OLE, kind_of


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"a,b\n1,2\n", "csv"),
        (b"[id],{x}\n1,2\n", "csv"),
        (b"<5,>5\n1,2\n", "csv"),
        (b"PK\x03\x04rest of the archive", "xlsx"),
    ],
)
def test_the_content_decides_and_the_file_is_rewound(content: bytes, kind: str) -> None:
    file = BytesIO(content)
    assert kind_of(file, "table.csv") == kind
    assert file.read() == content


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"", "a.csv", "The file a.csv is empty."),
        (b"%PDF-1.7", "a.csv", "a PDF document, not a CSV or XLSX file"),
        (b"\x1f\x8b\x08", "a.csv", "a gzip archive; unpack it first"),
        (b"\xef\xbb\xbf\n <!DOCTYPE html>\n<title>Sign in</title>", "a.csv", "a web page, such as the sign-in page"),
        (b"<HTML><body>", "a.csv", "a web page"),
        (b"<?xml version='1.0'?>\n<rows/>", "a.csv", "an XML document"),
        (b'{"rows": [1,\n 2]}', "a.csv", "a JSON document"),
        (b'[\n {"a": 1}]', "a.csv", "a JSON document"),
        (b"a,b\n", "a.xlsx", "not a workbook, despite its name"),
    ],
)
def test_other_files_are_refused_by_what_they_are(content: bytes, name: str, message: str) -> None:
    with pytest.raises(JobError, match=message):
        kind_of(BytesIO(content), name)


@pytest.mark.parametrize(
    ("directory", "message"), [(b"Workbook", r"an old Excel file"), (ENCRYPTED, "password-protected")]
)
def test_an_encrypted_workbook_is_told_apart_from_an_old_one(directory: bytes, message: str) -> None:
    head = bytearray(512)
    head[: len(OLE)] = OLE
    head[30:32] = (9).to_bytes(2, "little")  # sectors of 512 bytes; the directory is in sector 0
    file = BytesIO(bytes(head) + directory.ljust(512, b"\0"))
    with pytest.raises(JobError, match=message):
        kind_of(file, "a.xlsx")
