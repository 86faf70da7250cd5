from io import BytesIO

import pytest

from webapp.jobtypes.dataset_report.reading.number_formats import (
    EPOCH_1900,
    EPOCH_1904,
    Meaning,
    cell_meanings,
    moment_in_words,
)
from webapp.jobtypes.dataset_report.reading.xml_events import xml_events


def meanings(formats: str, styles: str) -> tuple[Meaning, ...]:
    xml = f"<styleSheet><numFmts>{formats}</numFmts><cellStyleXfs><xf numFmtId='14'/></cellStyleXfs>"
    return cell_meanings(xml_events(BytesIO(f"{xml}<cellXfs>{styles}</cellXfs></styleSheet>".encode())))


def test_built_in_formats_are_known_by_their_number() -> None:
    assert meanings("", "<xf numFmtId='0'/><xf numFmtId='14'/><xf numFmtId='46'/><xf/>") == (
        *("number", "date", "time", "number"),
    )


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("yyyy-mm-dd", "date"),
        ("[h]:mm:ss", "time"),
        ("0.00", "number"),
        ("0&quot; days&quot;", "number"),
        ("[Red]0", "number"),
        ("[$-409]d mmm", "date"),
        ("0;dd", "number"),
    ],
)
def test_a_custom_format_is_read_from_its_code(code: str, meaning: Meaning) -> None:
    assert meanings(f"<numFmt numFmtId='164' formatCode='{code}'/>", "<xf numFmtId='164'/>") == (meaning,)


@pytest.mark.parametrize(
    ("serial", "meaning", "text"),
    [
        (45_000, "date", "2023-03-15"),
        (45_000.5, "date", "2023-03-15 12:00:00"),
        (1.5, "time", "36:00:00"),
        (0.25, "time", "06:00:00"),
        (1e9, "date", None),
    ],
)
def test_a_serial_number_becomes_iso_text(serial: float, meaning: Meaning, text: str | None) -> None:
    assert moment_in_words(serial, meaning, EPOCH_1900) == text


def test_workbooks_of_old_macs_count_from_1904() -> None:
    assert moment_in_words(0, "date", EPOCH_1904) == "1904-01-01"
