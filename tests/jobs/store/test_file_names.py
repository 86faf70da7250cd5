import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.jobs.store.file_names import clean_name, distinct_names

RESERVED = ("CON", "con.txt", "Aux.tar.gz", "nul", "PRN .csv", "COM1", "lpt9.log", "com¹", "CONOUT$", "conin$.txt")


@pytest.mark.parametrize(
    ("given_name", "clean"),
    [
        ("report.csv", "report.csv"),
        ("Bericht für März (2).pdf", "Bericht für März (2).pdf"),
        ("отчёт & 100 % #1.xlsx", "отчёт & 100 % #1.xlsx"),
        ("Fu\u0308r.txt", "Für.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ana\\sheet.xlsx", "sheet.xlsx"),
        ("a\r\nSet-Cookie: x=1", "aSet-Cookie_ x=1"),
        ("gpj.exe\u202etxt", "gpj.exetxt"),
        ("\u2067\u200f\ufeffa\x1b[31m\x7f.txt", "a[31m.txt"),
        ("", "file"),
        ("...", "file"),
        (" . ", "file"),
        ("a\0b.txt", "ab.txt"),
        ("\ud800.txt", "txt"),
        ("a\u00a0b\u3000c.txt", "a b c.txt"),
        ('<img src="x" onerror=alert(1)>.html', "_img src=_x_ onerror=alert(1)_.html"),
        ("a:b|c?d*e.txt", "a_b_c_d_e.txt"),
        ("-rf", "_-rf"),
        ("--checkpoint-action=exec", "_--checkpoint-action=exec"),
        ("=HYPERLINK(1).csv", "_=HYPERLINK(1).csv"),
        (" +1.csv", "_+1.csv"),
        ("@SUM", "_@SUM"),
        ("~root", "_~root"),
        ("console.log", "console.log"),
        ("com10.txt", "com10.txt"),
        *((name, f"_{name}") for name in RESERVED),
    ],
)
def test_a_name_is_safe_on_every_system(given_name: str, clean: str) -> None:
    assert clean_name(given_name) == clean


def test_a_long_name_keeps_its_ending() -> None:
    for letter in ("x", "ü", "漢", "\U0001f600"):
        name = clean_name(letter * 100_000 + ".csv")
        assert len(name) <= 150
        assert len(name.encode()) <= 240
        assert name.endswith(".csv")


@given(st.text(alphabet=st.characters(codec=None, categories=None), max_size=400))
def test_no_name_can_do_harm(name: str) -> None:
    clean = clean_name(name)
    assert clean
    assert len(clean.encode()) <= 240
    assert len(clean) <= 150
    assert not set(clean) & set('/\\<>:"|?*')
    assert not {unicodedata.category(character) for character in clean} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert clean[0] not in "-=+@~. "
    assert clean[-1] not in ". "
    assert clean_name(clean) == clean


def test_names_in_one_folder_differ_also_where_case_does_not_count() -> None:
    names = ["a.csv", "A.CSV", "a (2).csv", "x/a.csv", "b", "b", "CON", "con"]
    assert list(distinct_names(names)) == [
        *("a.csv", "A (2).CSV", "a (2) (2).csv", "a (3).csv", "b", "b (2)", "_CON", "_con (2)"),
    ]
    many = list(distinct_names(["a.csv"] * 5000))
    assert len({name.casefold() for name in many}) == 5000
