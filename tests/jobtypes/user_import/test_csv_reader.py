from io import BytesIO
from typing import BinaryIO

import pytest

from webapp.jobs import JobError
from webapp.jobtypes.user_import import csv_reader
from webapp.jobtypes.user_import.csv_reader import MOST_BYTES, UserTable


class Source:
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
    assert table.unused() == ("phone",)
    assert table.count() == 1


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
    monkeypatch.setattr(csv_reader, "MOST_ROWS", 2)
    with pytest.raises(JobError, match="more than 2 rows"):
        UserTable(Source("name\na\nb\nc\n")).count()
