"""The files that a report leaves."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from webapp.jobtypes.dataset_report.output.cleaned_csv import _neutral_column
from webapp.jobtypes.tables.formula_escape import PLAIN_NUMBER, SIGNS, neutral


def test_cleaned_rows_are_trimmed_and_well_formed(report_on):
    job = report_on(' a ,b\n  x  ," y, ""z"" "\nbad\n', clean=True)
    assert job.cleaned == [["a", "b"], ["x", 'y, "z"']]
    assert job.attachments["cleaned.csv"] == b'a,b\r\nx,"y, ""z"""\r\n'


def test_cleaned_csv_is_only_written_on_request(report_on):
    assert set(report_on("a\n1\n").attachments) == {"report.html", "profile.json"}


def test_formulas_are_neutralised_and_numbers_are_not(report_on):
    job = report_on('=h,b\n=1+1,-5\n"@SUM(1)",+1.5e3\n-2+3,"\t=x"\n', clean=True)
    assert job.cleaned == [["'=h", "b"], ["'=1+1", "-5"], ["'@SUM(1)", "+1.5e3"], ["'-2+3", "'=x"]]


@given(st.lists(st.text("=+-@＝１1.\n\r\t' a", max_size=5), min_size=1))  # noqa: RUF001
def test_no_cell_that_is_written_starts_a_formula(cells):
    cells = [cell.strip() for cell in cells]
    written = _neutral_column(cells)
    assert list(written) == list(map(neutral, cells))
    assert all(not cell.startswith(tuple(SIGNS)) or PLAIN_NUMBER.fullmatch(cell) for cell in written)


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
    assert json.loads(job.attachments["profile.json"])["format"] == 1
