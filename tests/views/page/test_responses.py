from datetime import UTC, datetime
from io import BytesIO
from tracemalloc import get_traced_memory, start, stop
from zipfile import ZipFile

from flask import Flask

from webapp.views.page.responses import ArchiveFile, csv_response, stream_zip, text_response

AT = datetime(2026, 11, 28, 10, 2, 12, tzinfo=UTC)


def test_a_csv_download_escapes_formulas_and_is_not_stored(app: Flask) -> None:
    with app.test_request_context():
        response = csv_response("jobs.csv", ("title", "count"), [("=1+1", 2), (None, "a,b")])
        assert response.get_data(as_text=True) == 'title,count\r\n\'=1+1,2\r\n,"a,b"\r\n'
    assert response.headers["Content-Disposition"] == "attachment; filename=jobs.csv"
    assert response.headers["Cache-Control"] == "no-store"


def test_a_text_that_no_encoding_has_is_replaced(app: Flask) -> None:
    with app.test_request_context():
        assert csv_response("a.csv", ("a",), [("\ud800",)]).get_data() == b"a\r\n?\r\n"


def test_plain_text_is_sandboxed() -> None:
    shown, saved = text_response("<script>"), text_response(["a", "b"], download_as="log.txt")
    assert shown.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert "Content-Disposition" not in shown.headers
    assert saved.headers["Content-Disposition"] == "attachment; filename=log.txt"
    assert saved.get_data() == b"ab"


def test_an_archive_has_every_file_with_one_time() -> None:
    entries = [ArchiveFile("a.txt", [b"one ", b"two"]), ArchiveFile("empty.txt", [])]
    with ZipFile(BytesIO(b"".join(stream_zip(entries, AT)))) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"a.txt": b"one two", "empty.txt": b""}
        assert {info.date_time for info in archive.infolist()} == {(2026, 11, 28, 10, 2, 12)}


def test_an_archive_is_sent_while_it_is_built() -> None:
    chunk = bytes(1_000_000)
    start()
    try:
        sent = sum(map(len, stream_zip([ArchiveFile("zeros", (chunk for _ in range(30)))], AT)))
        _, peak = get_traced_memory()
    finally:
        stop()
    assert sent < 1_000_000
    assert peak < 5_000_000
