from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest
import xlsxwriter

from webapp.jobs import JobError
from webapp.jobtypes.user_import import user_table
from webapp.jobtypes.user_import.user_table import MOST_BYTES, UserTable


class Source:
    name = "people.csv"

    def __init__(self, text: str, encoding: str = "utf-8", size: int | None = None) -> None:
        self._content = text.encode(encoding)
        self.size = len(self._content) if size is None else size

    def open(self) -> BinaryIO:
        return BytesIO(self._content)


def cells(text: str, encoding: str = "utf-8") -> list[tuple[int, dict[str, str]]]:
    return [(row.line, dict(row.cells)) for row in UserTable(Source(text, encoding)).rows()]


def test_columns_come_in_any_order_and_spelling() -> None:
    assert cells("E-Mail;Full Name;NAME\nana@example.org; Ana Ruiz ;ana\n") == [
        (2, {"email": "ana@example.org", "full_name": "Ana Ruiz", "name": "ana"})
    ]


def test_blanks_of_a_password_are_kept() -> None:
    assert cells("name,password\nana, four quiet words \n")[0][1]["password"] == " four quiet words "


def test_blank_rows_are_left_out_and_lines_are_those_of_the_file() -> None:
    assert [line for line, _ in cells('sep=,\nname,full_name\n\nana,"A\nB"\n , \nben,B\n')] == [4, 7]


def test_a_file_of_an_old_windows_program_is_read() -> None:
    assert cells("name;full_name\nana;Málaga\n", "cp1252")[0][1]["full_name"] == "Málaga"


def test_unknown_columns_are_named() -> None:
    table = UserTable(Source("name,phone,Full-Name\nana,1,Ana\n"))
    assert table.mapping() == ({"name": "name", "full_name": "Full-Name"}, ["phone"])
    assert table.count() == 1


def test_a_name_too_few_moves_no_cell_to_another_column() -> None:
    rows = [*UserTable(Source("name,password\nana,secret,user\nben,hidden,user\n")).rows()]
    assert [(row.cells["name"], row.misplaced) for row in rows] == [("ana", True), ("ben", True)]


def test_more_cells_than_columns_are_marked() -> None:
    assert [row.misplaced for row in UserTable(Source("name,role\nana,user,extra\nben,user,\n")).rows()] == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must contain the column names"),
        ("ana,secret words\n", "must contain the column names"),
        ("name,Name\nana,ben\n", "The column name appears twice"),
        ("name\n", "a header but no rows"),
        ('name\nana\n"ben\ncleo\n', "The quote opened on line 3 is never closed"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_without_repeating_a_cell(text: str, message: str) -> None:
    with pytest.raises(JobError, match=message) as error:
        UserTable(Source(text)).count()
    assert "secret" not in str(error.value)


def test_a_file_that_is_too_large_is_refused_unread() -> None:
    with pytest.raises(JobError, match="more than 20 MB"):
        UserTable(Source("name\nana\n", size=MOST_BYTES + 1))


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_table, "MOST_ROWS", 2)
    with pytest.raises(JobError, match="more than 2 rows"):
        UserTable(Source("name\na\nb\nc\n")).count()


def test_too_many_blank_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_table, "MOST_BLANK_ROWS", 2)
    assert UserTable(Source('name,email\n"",""\n"",""\nana,\n')).count() == 1
    with pytest.raises(JobError, match="more than 2 blank rows"):
        UserTable(Source('name,email\nana,\n"",""\n"",""\n"",""\n')).count()


def test_a_username_is_the_login_even_beside_a_name() -> None:
    assert cells("Name,Username,E-mail\nAna Ruiz,ana,ana@example.org\n") == [
        (2, {"full_name": "Ana Ruiz", "name": "ana", "email": "ana@example.org"})
    ]


def test_columns_can_be_named_by_hand() -> None:
    table = UserTable(Source("Kürzel,Name\nana,Ana Ruiz\n"), {"name": "Kürzel"})
    assert table.mapping() == ({"name": "Kürzel", "full_name": "Name"}, [])
    with pytest.raises(JobError, match="no column Login"):
        UserTable(Source("a,b\n1,2\n"), {"name": "Login"}).count()


def test_an_apostrophe_that_guarded_a_formula_is_removed() -> None:
    assert cells("name,full_name\nana,'=Ana\nben,'t Hooft\n")[0][1]["full_name"] == "=Ana"
    assert cells("name,full_name\nana,'=Ana\nben,'t Hooft\n")[1][1]["full_name"] == "'t Hooft"


def test_a_workbook_is_read(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "people.xlsx") as book:
        sheet = book.add_worksheet()
        for row, line in enumerate([("Login", "Name"), ("ana", "Ana Ruiz"), ("4711", "Ben")]):
            sheet.write_row(row, 0, line)
    source = Source("")
    source._content = (tmp_path / "people.xlsx").read_bytes()
    assert [dict(row.cells)["name"] for row in UserTable(source).rows()] == ["ana", "4711"]
