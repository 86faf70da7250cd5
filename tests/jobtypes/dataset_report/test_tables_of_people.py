"""Tables as people really have them, each with what must be told about it."""

import pytest
import xlsxwriter

from webapp.jobs import JobError


def summary(job, name):
    column = job.column(name)
    return column["type"], column["missing"], column.get("min"), column.get("max"), column.get("mean")


def test_german_numbers(report_on):
    job = report_on(
        "Artikel;Menge;Preis\r\nSchraube;1.250;0,05\r\nMutter;2.500;0,04\r\nBrett;980;12,90\r\nPlatte;1.010;1.149,00\r\nLeim;75;6,20\r\n"
    )
    assert summary(job, "Menge") == ("integer", 0, 75, 2500, 1163)
    assert summary(job, "Preis")[:4] == ("number", 0, 0.04, 1149.0)


def test_a_comma_in_every_line_between_semicolons(report_on):
    job = report_on("Nachname, Vorname;Ort\nAhrens, Lena;Kiel\nBorg, Timo;Ulm\nCzaja, Ida;Hof\n")
    assert [column["name"] for column in job.profile["columns"]] == ["Nachname, Vorname", "Ort"]


def test_titles_above_and_a_total_below(report_on):
    job = report_on(
        "Inventory of warehouse 7\nPrinted on 2026-10-31\n\nitem,bin,stock\nbolt,A1,40\nnut,A2,55\n\nTotal,,95\n"
    )
    assert (job.profile["rows"], job.column("stock")["max"]) == (2, 55)
    assert job.profile["notes"] == ["Above the table: Inventory of warehouse 7 / Printed on 2026-10-31"]
    assert job.warnings == ["Line 8: it adds up the rows above; the row was skipped."]


def test_the_header_again_in_the_middle_and_rows_of_delimiters_only(report_on):
    job = report_on("a,b\n1,2\na,b\n,\n3,4\n")
    assert job.profile["rows"] == 2
    assert job.warnings == ["Line 3: it repeats the header; the row was skipped."]


def test_rows_with_a_delimiter_at_the_end(report_on):
    job = report_on("id,city,stock\n1,Lyon,4,\n2,Brest,7,\n3,Nantes,9,\n")
    assert (job.profile["rows"], len(job.profile["columns"]), job.warnings) == (3, 3, [])


def test_clocks_of_twelve_hours(report_on):
    job = report_on("ticket,opened\n1,10/28/2026 9:05 AM\n2,10/29/2026 12:15 AM\n3,10/30/2026 11:59 PM\n")
    column = job.column("opened")
    assert (column["min"], column["max"]) == ("2026-10-28T09:05:00+00:00", "2026-10-30T23:59:00+00:00")


def test_quotes_with_backslashes_and_missing_values_of_a_dump(report_on):
    job = report_on(
        'id,remark,score\n1,"a \\"quoted\\" word, and a comma",4\n2,"plain",\\N\n3,"size 5\\" pipe",9\n4,"x",7\n'
    )
    assert job.profile["rows"] == 4
    assert summary(job, "score")[:2] == ("integer", 1)
    assert 'a "quoted" word, and a comma' in {top["value"] for top in job.column("remark")["top_values"]}


@pytest.mark.parametrize(
    "codes", ["+34911222333\n+441632960123", "01067\n80331", "DE02120300000000202051\nDE02500105170137075030"]
)
def test_codes_are_text(report_on, codes):
    assert report_on(f"code\n{codes}\n").column("code")["type"] == "text"


def test_a_postcode_is_a_code_by_its_name(report_on):
    assert report_on("PLZ,n\n80331,1\n20095,2\n").column("PLZ")["type"] == "text"


def test_money_and_shares(report_on):
    job = report_on('region,revenue,share\nNorth,"$1,200.50",12.5%\nSouth,"$980.00",10.2%\nEast,"($45.10)",0.5%\n')
    assert summary(job, "revenue")[:4] == ("number", 0, -45.1, 1200.5)
    assert (job.column("revenue")["unit"], job.column("share")["unit"], job.column("share")["max"]) == ("$", "%", 12.5)


def test_an_old_cyrillic_file(report_on):
    job = report_on("город,склад,остаток\nТверь,А1,12\nОмск,Б2,40\nПермь,В3,7\n".encode("cp1251"))  # noqa: RUF001
    assert job.profile["file"]["encoding"] == "Windows-1251"
    assert job.column("остаток")["max"] == 40


def test_two_byte_order_marks(report_on):
    assert report_on(b"\xef\xbb\xbf\xef\xbb\xbfid,name\n1,ana\n").profile["columns"][0]["name"] == "id"


def test_a_column_that_could_be_two_things_is_told(report_on):
    alerts = [alert["text"] for alert in report_on("a,b\n1.250,1/2/2026\n2.500,3/4/2026\n").profile["alerts"]]
    assert "a: 1.250 was read like 1234.5. Its mark could also have the other meaning." in alerts
    assert "b: 1/2/2026 was read with the month first. It could also begin with the day." in alerts


def test_what_a_person_says_wins(report_on):
    job = report_on("a,b\n1.250,1/2/2026\n2.500,3/4/2026\n", decimal="comma", dates="day_first")
    assert (job.column("a")["max"], job.column("b")["max"]) == (2500, "2026-04-03")


def test_formats_of_a_workbook(report_on, tmp_path):
    path = tmp_path / "formats.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Data")
        standard, days = book.add_format({"num_format": "Standard"}), book.add_format({"num_format": '0.00" days"'})
        day = book.add_format({"num_format": "[$-407]d\\. mmmm yyyy;@"})
        sheet.write_row(0, 0, ["stock", "wait", "day", "price"])
        for row in (1, 2):
            sheet.write_number(row, 0, 101 + row, standard)
            sheet.write_number(row, 1, 1.5 + row, days)
            sheet.write_number(row, 2, 59 + row, day)
            sheet.write_formula(row, 3, "=1/0", None, "#DIV/0!")
        sheet.write_number(3, 3, 4.5)
    job = report_on(path)
    assert summary(job, "stock")[:4] == ("integer", 1, 102, 103)
    assert summary(job, "wait")[0] == "number"
    assert job.column("day")["min"] == "1900-02-29" or job.column("day")["max"] == "1900-03-01"
    assert summary(job, "price")[:2] == ("number", 2)


def test_a_chart_before_the_table(report_on, tmp_path):
    path = tmp_path / "chart.xlsx"
    with xlsxwriter.Workbook(path) as book:
        chart = book.add_chart({"type": "line"})
        chart.add_series({"values": "=Stock!$B$2:$B$3"})
        book.add_chartsheet("Trend").set_chart(chart)
        sheet = book.add_worksheet("Stock")
        for row, cells in enumerate([("item", "stock"), ("bolt", 40), ("nut", 55)]):
            sheet.write_row(row, 0, cells)
    job = report_on(path)
    assert (job.profile["file"]["sheet"], job.column("stock")["max"]) == ("Stock", 55)


def test_a_web_page_fails_with_a_sentence(report_on):
    with pytest.raises(JobError, match="a web page, such as the sign-in page of a website"):
        report_on("<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n")


@pytest.mark.parametrize(
    "errors", ["#NV #WERT! #BEZUG!", "#N/D #VALEUR! #NOM?", "#¡VALOR! #¿NOMBRE? #¡DIV/0!", "#VALORE! #RIF! #NAME?"]
)
def test_errors_of_spreadsheets_in_other_languages_are_missing(report_on, errors):
    job = report_on("a;b\n1;12,5\n2;7\n" + "".join(f"3;{error}\n" for error in errors.split()))
    assert summary(job, "b")[:4] == ("number", 3, 7.0, 12.5)


@pytest.mark.parametrize(
    ("dates", "last"),
    [
        (("28 octobre 2026", "3 Février 2026", "1 Décembre 2026"), "2026-12-01"),
        (("28 de octubre de 2026", "3 de febrero de 2026"), "2026-10-28"),
        (("28 октября 2026", "3 Мая 2026"), "2026-10-28"),
        (("28 października 2026", "3 MAJA 2026"), "2026-10-28"),
    ],
)
def test_months_of_many_languages(report_on, dates, last):
    job = report_on("n;day\n" + "".join(f"1;{day}\n" for day in dates))
    assert (job.column("day")["type"], job.column("day")["max"]) == ("date", last)


def test_ambiguous_marks_separate_thousands(report_on):
    job = report_on('a,b,c\nx,"1,250","₹1,20,000.50"\ny,980,"₹98,000.00"\n')
    assert summary(job, "b")[2:4] == (980, 1250)
    assert summary(job, "c")[2:4] == (98000, 120000.5)
    assert any(
        "could also have the other meaning" in alert["text"]
        for alert in report_on('b\n"1,250"\n980\n').profile["alerts"]
    )


@pytest.mark.parametrize(
    ("encoding", "cities"),
    [("mac-roman", ["Orléans", "Nîmes", "Besançon"]), ("cp850", ["Köln", "Würzburg", "Düren"])],
)
def test_a_few_letters_that_windows_does_not_have(report_on, encoding, cities):
    job = report_on(b"city;n\n" + "".join(f"{city};{city}\n" for city in cities).encode(encoding))
    assert {top["value"] for top in job.column("city")["top_values"]} == set(cities)
    assert "is a guess" in job.profile["notes"][0]


def test_two_rows_of_names_with_quarters(report_on):
    job = report_on("Sales by quarter,,,\n,2025,,2026\nregion,Q1,Q2,Q1\nN,1,2,3\nS,4,5,6\n")
    assert [column["name"] for column in job.profile["columns"]] == ["region", "2025 Q1", "2025 Q2", "2026 Q1"]


@pytest.mark.parametrize(
    "content", ["sep=;\n", '"sep=;"', "<form action='/login'>\n<input>\n", "HTTP/1.1 302 Found\n\n", "{\\rtf1 x}\n"]
)
def test_files_without_a_table_are_refused(report_on, content):
    with pytest.raises(JobError):
        report_on(content)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-16"])
def test_utf16_can_be_chosen_with_and_without_a_mark(report_on, codec):
    assert report_on("a,b\n1,2\n".encode(codec), encoding="utf-16").column("b")["max"] == 2


def test_names_in_angle_brackets_are_not_a_web_page(report_on):
    assert report_on("<TICKER>,<DATE>\nA,2026-01-01\n").column("<DATE>")["type"] == "date"
