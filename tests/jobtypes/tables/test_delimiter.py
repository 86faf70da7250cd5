import pytest

from webapp.jobtypes.tables.delimiter import declared_delimiter, delimiter_of


@pytest.mark.parametrize(
    ("lines", "delimiter"),
    [
        (["a,b\n", "1,2\n"], ","),
        (["a;b\n", "1,5;2,5\n"], ";"),
        (["a\tb\tc\n", "1\t2, 3\t4\n"], "\t"),
        (["a|b\n", "1|2\n"], "|"),
        (["one column\n", "of text\n"], ","),
        ([], ","),
        (['"a;b",c\n', '"d;e",f\n'], ","),
    ],
)
def test_the_delimiter_splits_most_lines_into_the_same_number_of_fields(lines: list[str], delimiter: str) -> None:
    assert delimiter_of(lines) == delimiter


def test_a_declared_delimiter_takes_precedence() -> None:
    assert delimiter_of(["sep=;\n", "a,b\n", "c,d\n"]) == ";"
    assert declared_delimiter('"sep=|"\r\n') == "|"
    assert declared_delimiter("sep,b\n") is None
