import pytest

from webapp.jobtypes.tables.reading.number_formats import is_date_format, with_plain_formats


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("yyyy-mm-dd", True),
        ("[h]:mm:ss", True),
        ("h:mm AM/PM", True),
        ("[$-407]d\\. mmmm yyyy;@", True),
        ("[$-409]d mmm", True),
        ("Standard", False),
        ("General", False),
        ("0.00", False),
        ('0" days"', False),
        ("[Red]0", False),
        ("0.00E+00", False),
    ],
)
def test_a_format_of_dates_has_letters_of_dates_only(code: str, expected: bool) -> None:
    assert is_date_format(code) is expected


def test_only_formats_that_look_like_dates_and_are_none_are_replaced() -> None:
    styles = (
        b'<numFmt formatCode="Standard"/><numFmt formatCode=\'0.00&quot; days&quot;\'/><numFmt formatCode="d mmm"/>'
    )
    assert with_plain_formats(styles) == b'<numFmt formatCode="0"/><numFmt formatCode="0"/><numFmt formatCode="d mmm"/>'


def test_a_very_long_format_stays_as_it_is() -> None:
    styles = b'formatCode="' + b"[x" * 500_000 + b'd"'
    assert with_plain_formats(styles) == styles
