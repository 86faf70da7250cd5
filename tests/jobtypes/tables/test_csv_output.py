"""Our own CSV files carry a byte order mark if it is wanted, and come back in without it."""

import pytest

from webapp.jobs.testing import FakeJobContext
from webapp.jobtypes.tables.csv_output import csv_row
from webapp.jobtypes.user_import.lazy_csv import lazy_csv

MARK = b"\xef\xbb\xbf"


def test_only_the_first_row_is_marked():
    assert csv_row(["a", "ö,", None], marked=True) == MARK + 'a,"ö,",\r\n'.encode()
    assert csv_row([1, "\ud800"]) == b"1,?\r\n"


def test_rejected_rows_and_passwords_are_marked_by_choice():
    job = FakeJobContext()
    with lazy_csv(job, "rejected.csv", ("line", "reason"), has_mark=True) as file:
        file.add(2, "ä")
    assert job.attachments["rejected.csv"] == MARK + "line,reason\r\n2,ä\r\n".encode()


@pytest.mark.parametrize("mark", [False, True])
def test_a_cleaned_table_is_marked_by_choice_and_read_again(report_on, mark):
    cleaned = report_on("name,n\nZoë,1\n", clean=True, mark=mark).attachments["data-cleaned.csv"]
    assert cleaned.startswith(MARK) is mark
    assert [column["name"] for column in report_on(cleaned).profile["columns"]] == ["name", "n"]
