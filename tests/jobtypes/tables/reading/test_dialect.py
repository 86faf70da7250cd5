import pytest

from webapp.jobtypes.tables.reading.dialect import Dialect, declared_delimiter, dialect_of


@pytest.mark.parametrize(
    ("lines", "delimiter"),
    [
        (["a,b\n", "1,2\n"], ","),
        (["a;b\n", "1,5;2,5\n"], ";"),
        (["1,5;2,5\n", "3,5;4,5\n"], ";"),
        (["Nachname, Vorname;Ort\n", "Ahrens, Lena;Kiel\n", "Borg, Timo;Ulm\n"], ";"),
        (["a\tb\n", "one, two\tthree; four\n"], "\t"),
        (["id|text|amount\n", '1|"a, b; c"|2.5\n'], "|"),
        (["Report of May\n", "\n", "a;b;c\n", "1;2;3\n", "4;5;6\n"], ";"),
        (["only\n", "one\n"], ","),
        ([], ","),
    ],
)
def test_the_delimiter_is_the_one_that_divides_lines_alike(lines: list[str], delimiter: str) -> None:
    assert dialect_of(lines).delimiter == delimiter


def test_a_chosen_or_declared_delimiter_wins() -> None:
    assert dialect_of(["a,b\n"], ";").delimiter == ";"
    assert dialect_of(["sep=;\n", "a,b;c\n"]).delimiter == ";"
    assert [declared_delimiter(line) for line in ('"sep=|"\r\n', "sep=;,\n", "separate\n")] == ["|", ";", None]


def test_quotes_with_a_backslash_are_found_and_paths_are_not() -> None:
    escaped = dialect_of(['1,"a \\"quoted\\" word, and",4\n', '2,"x",5\n'])
    assert escaped.has_escapes
    assert escaped.unescaped('1,"5\\" pipe",\\N') == '1,"5"" pipe",\\N'
    assert not dialect_of(['1,"C:\\dir\\",4\n']).has_escapes


def test_single_quotes_enclose_fields_only_if_most_lines_have_them() -> None:
    assert dialect_of(["'a, b',2\n", "'c, d',3\n"]).quote == "'"
    assert dialect_of(["O'Neil,'tis\n", "a,b\n", "c,d\n"]).quote == '"'


def test_a_delimiter_has_a_name() -> None:
    assert [Dialect(delimiter=mark).name for mark in (";", "^")] == ["semicolon", "^"]
