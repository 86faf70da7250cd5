"""The files that a report leaves."""

import json
import re


def test_cleaned_rows_are_trimmed_and_well_formed(report_on):
    job = report_on(' a ,b\n  x  ," y, ""z"" "\nbad\n', clean=True)
    assert job.cleaned == [["a", "b"], ["x", 'y, "z"']]
    assert job.attachments["data-cleaned.csv"] == b'a,b\nx,"y, ""z"""\n'


def test_cleaned_csv_is_only_written_on_request(report_on):
    assert set(report_on("a\n1\n").attachments) == {"data-report.html", "data-profile.json"}


def test_formulas_are_neutralised_and_numbers_are_not(report_on):
    job = report_on('=h,b\n=1+1,-5\n"@SUM(1)",+1.5e3\n-2+3,"\t=x"\n', clean=True)
    assert job.cleaned == [["'=h", "b"], ["'=1+1", "-5"], ["'@SUM(1)", "+1.5e3"], ["'-2+3", "'=x"]]


def test_everything_in_the_report_is_escaped(report_on):
    evil = "<script>alert(1)</script>"
    job = report_on(f'{evil},"<b>&"\n{evil},1\n{evil},1\nx\n{evil},"<img src=x onerror=alert(1)>"\n')
    assert "<script" not in job.html
    assert "<img" not in job.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in job.html


def test_the_report_needs_no_other_file_and_no_script(report_on):
    html = report_on("a,b\n1,2024-01-01\n2,2024-01-02\n3,2024-01-09\n").html
    assert not re.search(r"<(script|link|img|iframe|object)|https?://|url\(|@import", html)
    assert html.count('<svg class="histogram"') == 2
    assert "color-scheme: light dark" in html


def test_the_profile_is_plain_json_even_for_lone_surrogates_and_controls(report_on):
    job = report_on("a,b\n\x01\x7f,\u202e\n".encode())
    assert json.loads(job.attachments["data-profile.json"])["format"] == 1


def test_years_have_no_marks_and_shares_are_of_values(report_on):
    html = report_on("year,colour\n" + "2019,red\n2020,\n2021,red\n2022,blue\n2022,\n").html
    assert "<dd>2022</dd>" in html
    assert "2,022" not in html
    assert "66.7\u00a0%" in html  # two of three values are red


def test_the_report_is_in_the_chosen_language(report_on):
    html = report_on("menge\n1250,5\n", language="de", delimiter="semicolon").html
    assert '<html lang="de">' in html
    assert "Fehlend" in html
    assert "1.250,5" in html


def test_where_values_are_missing_is_drawn(report_on):
    job = report_on("a,b\n" + "1,x\n" * 30 + "1,\n" * 30)
    assert job.html.count('class="stripes"') == 1
    assert job.column("b")["missing_in_stripes"] == [0] * 30 + [1] * 30


def test_first_and_last_rows_are_shown(report_on):
    job = report_on("a,b\n" + "".join(f"{n},row {n}\n" for n in range(40)))
    assert job.profile["first_rows"][0] == ["0", "row 0"]
    assert job.profile["last_rows"][-1] == ["39", "row 39"]
    assert "row 39" in job.html


def test_dates_have_a_time_axis(report_on):
    job = report_on("day\n" + "".join(f"2026-{month:02}-15\n" * month for month in range(1, 10)))
    histogram = job.column("day")["histogram"]
    assert histogram["edges"][:2] == ["2026-01-01", "2026-02-01"]
    assert histogram["counts"] == list(range(1, 10))
    assert "Jan 2026" in job.html
