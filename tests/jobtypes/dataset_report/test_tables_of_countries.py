"""Tables of many countries and programs: what a column is, how much is missing, where it begins and ends."""

from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from tests.exhaustive import every_nth

NARROW, HARD = "\u202f", "\u00a0"

CASES: dict[str, tuple[str | bytes, str, tuple[Any, ...]]] = {
    # numbers
    "Swiss apostrophes": ("Ort;Umsatz\nBern;1'234.50\nChur;12'000.00\n", "Umsatz", ("number", 0, 1234.5, 12000)),
    "French narrow blanks": (
        f"ville;prix\nLyon;1{NARROW}234,56{HARD}€\nBrest;12,00{HARD}€\n",
        "prix",
        ("number", 0, 12, 1234.56),
    ),
    "Danish crowns": ("vare;pris\nA;1.234,56 kr.\nB;12,00 kr.\n", "pris", ("number", 0, 12, 1234.56)),
    "Swedish crowns": ("vara;pris\nA;12 500 kr\nB;900 kr\n", "pris", ("number", 0, 900, 12500)),
    "Norwegian minus": ("sted;grader\nA;\u22125,5\nB;3,25\n", "grader", ("number", 0, -5.5, 3.25)),
    "Polish in Windows-1250": (
        "miasto;kwota\nŁódź;1 234,56 zł\nGdańsk;99,00 zł\nŚwidnica;5,50 zł\n".encode("cp1250"),
        "kwota",
        ("number", 0, 5.5, 1234.56),
    ),
    "Russian roubles": ("город;сумма\nОмск;1 234,56 ₽\nТверь;99,00 ₽\n", "сумма", ("number", 0, 99, 1234.56)),  # noqa: RUF001
    "Turkish lira": ("il;tutar\nİzmir;₺1.234,56\nMuş;₺9,50\n", "tutar", ("number", 0, 9.5, 1234.56)),
    "Brazilian reais": ("item;valor\nA;R$ 1.234,56\nB;R$ 8,00\n", "valor", ("number", 0, 8, 1234.56)),
    "Indian lakhs": ('item,price\nA,"1,20,000.50"\nB,"98,000.00"\n', "price", ("number", 0, 98000, 120000.5)),
    "Japanese yen": ('品目,価格\n本,"1,234円"\n茶,980円\n', "価格", ("number", 0, 980, 1234)),
    "accounting brackets": ('a,b\nx,"$(1,234.50)"\ny,$12.00\nz,-$5.00\n', "b", ("number", 0, -1234.5, 12)),
    "trailing minus of SAP": ("Konto;Betrag\nK1;1.234,56-\nK2;99,00\n", "Betrag", ("number", 0, -1234.56, 99)),
    "exponents with commas": ("k;x\na;1,5E+03\nb;2,25E-01\n", "x", ("number", 0, 0.225, 1500)),
    "shares with commas": ("k;Anteil\na;12,5 %\nb;0,75 %\n", "Anteil", ("number", 0, 0.75, 12.5)),
    # dates
    "Czech dates": ("n;datum\n1;28. 10. 2026\n2;3. 2. 2026\n", "datum", ("date", 0, "2026-02-03", "2026-10-28")),
    "Hungarian dates": ("n;nap\n1;2026. 10. 28.\n2;2026.02.03.\n", "nap", ("date", 0, "2026-02-03", "2026-10-28")),
    "Japanese dates": ("n,日付\n1,2026年10月28日\n2,2026年2月3日\n", "日付", ("date", 0, "2026-02-03", "2026-10-28")),
    "Korean dates": ("n,날짜\n1,2026년 10월 28일\n2,2026년 2월 3일\n", "날짜", ("date", 0, "2026-02-03", "2026-10-28")),
    "Finnish clocks": (
        "n;aika\n1;28.10.2026 14.30\n2;3.2.2026 9.05\n",
        "aika",
        ("date and time", 0, "2026-02-03T09:05:00+00:00", "2026-10-28T14:30:00+00:00"),
    ),
    "Italian months": ("n;giorno\n1;28-ott-26\n2;3-feb-26\n", "giorno", ("date", 0, "2026-02-03", "2026-10-28")),
    "British months": ("n,day\n1,28 Oct 2026\n2,3 Feb 2026\n", "day", ("date", 0, "2026-02-03", "2026-10-28")),
    "zones of PostgreSQL": (
        "n,at\n1,2026-10-28 09:05:00+01\n2,2026-10-28 09:05:00+00\n",
        "at",
        ("date and time", 0, "2026-10-28T08:05:00+00:00", "2026-10-28T09:05:00+00:00"),
    ),
    "dates of email": (
        'n,at\n1,"Wed, 28 Oct 2026 09:05:00 GMT"\n2,"Tue, 3 Feb 2026 10:00:00 +0100"\n',
        "at",
        ("date and time", 0, "2026-02-03T09:00:00+00:00", "2026-10-28T09:05:00+00:00"),
    ),
    "access log": (
        "n,at\n1,28/Oct/2026:09:05:00 +0000\n2,03/Feb/2026:10:00:00 +0100\n",
        "at",
        ("date and time", 0, "2026-02-03T09:00:00+00:00", "2026-10-28T09:05:00+00:00"),
    ),
    "days of the week": ("n;Tag\n1;Mi. 28.10.2026\n2;Di. 03.02.2026\n", "Tag", ("date", 0, "2026-02-03", "2026-10-28")),
    "French first day": ("n;jour\n1;1er août 2026\n2;28 févr. 2026\n", "jour", ("date", 0, "2026-02-28", "2026-08-01")),
    "months": ("month,n\n2026-01,4\n2026-10,5\n", "month", ("date", 0, "2026-01-01", "2026-10-01")),
    "months in words": ("month,n\nJan 2026,4\nOct 2026,5\n", "month", ("date", 0, "2026-01-01", "2026-10-01")),
    "yes and no in French": ("n;payé\n1;oui\n2;non\n", "payé", ("boolean", 0)),
    "zones": (
        "n,at\n1,2026-10-28T09:05:00+01:00\n2,2026-10-28T09:05:00Z\n",
        "at",
        ("date and time", 0, "2026-10-28T08:05:00+00:00", "2026-10-28T09:05:00+00:00"),
    ),
    "years of two digits": ("n,day\n1,10/28/26\n2,12/31/98\n", "day", ("date", 0, "1998-12-31", "2026-10-28")),
    # codes and other texts
    "telephone numbers with blanks": ("n,tel\n1,+44 207 946 095\n2,+49 301 234 567\n", "tel", ("text", 0)),
    "telephone numbers with hyphens": ("n,tel\n1,+1-212-555-0100\n2,+1-312-555-0199\n", "tel", ("text", 0)),
    "telephone numbers of digits only": ("n,Phone number\n1,2125550100\n2,3125550199\n", "Phone number", ("text", 0)),
    "German telephone numbers": ("n;Telefonnummer\n1;1725550100\n2;1515550199\n", "Telefonnummer", ("text", 0)),
    "telephone numbers that a spreadsheet rounded": ("n,tel\n1,4.93012E+11\n2,4.93013E+11\n", "tel", ("text", 0)),
    "visits by mobile": ("day,mobile\n1,250\n2,310\n", "mobile", ("integer", 0, 250, 310)),
    "postcodes": ("n;Postleitzahl\n1;89073\n2;20095\n", "Postleitzahl", ("text", 0)),
    "article numbers of 13 digits": ("article,n\n4006381333931,1\n4006381333948,2\n", "article", ("text", 0)),
    "credit cards": ("n,card\n1,4111 1111 1111 1111\n2,5500 0000 0000 0004\n", "card", ("text", 0)),
    "IP addresses": ("host,ip\na,192.168.100.200\nb,192.168.101.201\n", "ip", ("text", 0)),
    "versions": ("n,version\n1,1.10.2\n2,2.0.11\n", "version", ("text", 0)),
    "sort codes": ("n,code\n1,20-00-00\n2,40-47-84\n", "code", ("text", 0)),
    "clocks alone": ("n,at\n1,09:05\n2,23:59\n", "at", ("text", 0)),
    "coordinates": ('n,place\n1,"52.5200, 13.4050"\n2,"48.1351, 11.5820"\n', "place", ("text", 0)),
    # missing values
    "Eurostat": ("geo\t2020\t2021\nDE\t12.5\t:\nFR\t:\t7\nIT\t1\t2\n", "2021", ("integer", 1, 2, 7)),
    "World Bank": ("Country,2020\nAruba,..\nPeru,7.5\nChad,8\n", "2020", ("number", 1, 7.5, 8)),
    "statistical office": ("Land;2020\nBremen;.\nHessen;7,5\nBayern;k. A.\n", "2020", ("number", 2, 7.5, 7.5)),
    "UCI data": ("age,weight\n3,?\n4,7\n5,8\n", "weight", ("integer", 1, 7, 8)),
    "SQL dump": ("id\tscore\n1\t\\N\n2\t7\n3\t9\n", "score", ("integer", 1, 7, 9)),
    # shapes
    "psql": (" id | name | n \n----+------+---\n  1 | ana  | 4\n  2 | bo   | 6\n(2 rows)\n", "n", ("integer", 0, 4, 6)),
    "Markdown": ("| id | n |\n|----|---:|\n| 1 | 4 |\n| 2 | 6 |\n", "n", ("integer", 0, 4, 6)),
    "MySQL client": (
        "+----+---+\n| id | n |\n+----+---+\n|  1 | 4 |\n|  2 | 6 |\n+----+---+\n",
        "n",
        ("integer", 0, 4, 6),
    ),
    "SAP list": (
        "-------------\n|Werk |Menge|\n-------------\n|A1   |4    |\n|A2   |6    |\n-------------\n",
        "Menge",
        ("integer", 0, 4, 6),
    ),
    "German bank statement": (
        "Kontoauszug;;\nKonto;DE02120300000000202051;\n;;\nBuchung;Text;Betrag\n28.10.2026;Miete;-1.234,56\n"
        "03.02.2026;Lohn;2.500,00\n".encode("cp1252"),
        "Betrag",
        ("number", 0, -1234.56, 2500),
    ),
    "Unicode text of Excel": ("Ort\tMenge\r\nKöln\t4\r\nŁódź\t6\r\n".encode("utf-16"), "Menge", ("integer", 0, 4, 6)),
    "PowerShell": ('#TYPE System.X\r\n"Name","Id"\r\n"a","4"\r\n"b","6"\r\n', "Id", ("integer", 0, 4, 6)),
    "Shift JIS": (
        "都市,人口\n東京,1400\n大阪,880\n名古屋,230\n札幌,197\n".encode("cp932"),
        "人口",
        ("integer", 0, 197, 1400),
    ),
    "quotes after blanks": ('id, "text", "n"\n1, "a, b", "4"\n2, "c, d", "6"\n', "n", ("integer", 0, 4, 6)),
    "columns aligned with blanks": ("id   name   n\n 1    ana   4\n12     bo   6\n", "n", ("integer", 0, 4, 6)),
    "a single column of decimal commas": ("Wert\n1,5\n2,5\n13,25\n", "Wert", ("number", 0, 1.5, 13.25)),
    "a long text above": (
        "".join(f"Line {line} of a text\n" for line in range(12)) + "a;b\n1;4\n2;5\n3;6\n",
        "b",
        ("integer", 0, 4, 6),
    ),
    "R, without a name for its row names": ('"city","n"\n"1","Lyon",4\n"2","Brest",6\n', "n", ("integer", 0, 4, 6)),
    "units below the names": ("time,temp\ns,°C\n0,20.5\n1,21\n", "temp °C", ("number", 0, 20.5, 21)),
    "marks where files were joined": ("id,n\n\ufeff1,4\n2,6\n", "id", ("integer", 0, 1, 2)),
    "a source below": ("land,n\nA,4\nB,6\nSource: Eurostat\n", "n", ("integer", 0, 4, 6)),
}  # fmt: skip


@pytest.mark.parametrize("case", every_nth(CASES, 4))
def test_a_column_is_read_as_it_is_meant(report_on, case: str) -> None:
    content, name, expected = CASES[case]
    column = report_on(content).column(name)
    found = column["type"], column["missing"], column.get("min"), column.get("max")
    assert found[: len(expected)] == expected


def test_a_first_row_of_numbers_is_said_to_look_like_data(report_on) -> None:
    assert report_on("1,2\n3,4\n").profile["notes"] == [
        "The first row was taken for the header, but it looks like data."
    ]


def test_a_table_of_equal_numbers_without_a_header_has_rows(report_on) -> None:
    assert report_on("1\n1\n1\n").profile["rows"] == 2


def test_a_word_for_missing_values_can_contain_the_delimiter(report_on) -> None:
    assert report_on("a,b\n1,2\n", missing='-, x;y, "').profile["rows"] == 1


def _book(path: Path, rows: list[tuple[int, int, Any]], **options: Any) -> Path:
    with xlsxwriter.Workbook(path, options) as book:
        hidden = book.add_worksheet("Lists")
        hidden.write_column(0, 0, ["yes", "no"])
        hidden.very_hidden()
        sheet = book.add_worksheet("Data")
        sheet.activate()
        sheet.set_first_sheet()
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        for row, column, value in rows:
            sheet.write(row, column, value, *([day] if column == 2 and row > 3 else []))
    return path


def test_a_cover_is_passed_over_and_other_sheets_are_told(report_on, tmp_path) -> None:
    with xlsxwriter.Workbook(tmp_path / "book.xlsx") as book:
        book.add_worksheet("Cover").write_column(0, 0, ["Stock", "Printed on 2026-10-31"])
        book.add_worksheet("Stock").write_row(0, 0, ["item", "n"])
        book.get_worksheet_by_name("Stock").write_row(1, 0, ["bolt", 4])
    profile = report_on(tmp_path / "book.xlsx").profile
    assert (profile["file"]["sheet"], profile["rows"]) == ("Stock", 1)
    assert profile["notes"] == ["Other sheets of the workbook: Cover"]


def test_names_of_groups_of_columns_are_joined(report_on) -> None:
    content = ",2025,,2026,\nitem,in,out,in,out\na,1,2,3,4\nb,2,3,4,5\n"
    names = [column["name"] for column in report_on(content).profile["columns"]]
    assert names == ["item", "2025 in", "2025 out", "2026 in", "2026 out"]


TABLE = [(1, 1, "Stock of 2026"), (3, 1, "item"), (3, 2, "day"), (3, 3, "n")]
TABLE += [(4, 1, "bolt"), (4, 2, 46_000), (4, 3, 4), (5, 1, "nut"), (5, 2, 46_001), (5, 3, 6)]


def test_a_table_that_begins_in_the_middle_of_a_visible_sheet(report_on, tmp_path) -> None:
    job = report_on(_book(tmp_path / "book.xlsx", TABLE))
    assert job.profile["file"]["sheet"] == "Data"
    assert [column["name"] for column in job.profile["columns"]] == ["item", "day", "n"]
    assert (job.profile["rows"], job.column("day")["type"], job.column("n")["max"]) == (2, "date", 6)


def test_notes_beside_a_table_are_told_and_no_column(report_on, tmp_path) -> None:
    rows = [*TABLE, (6, 1, "pin"), (6, 2, 46_002), (6, 3, 8), (3, 6, "checked by Ida"), (5, 6, "recount")]
    job = report_on(_book(tmp_path / "book.xlsx", rows))
    assert [column["name"] for column in job.profile["columns"]] == ["item", "day", "n"]
    assert job.profile["problems"][0] == "Line 6: left out what is beside the table: recount."
    assert job.profile["rows"] == 3
    assert job.column("n")["max"] == 8


def test_days_of_a_workbook_from_a_mac(report_on, tmp_path) -> None:
    job = report_on(_book(tmp_path / "book.xlsx", TABLE, date_1904=True))
    assert job.column("day")["min"] == "2029-12-10"
