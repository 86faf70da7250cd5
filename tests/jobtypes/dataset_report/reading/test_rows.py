import pytest

from webapp.jobs import JobError
from webapp.jobtypes.dataset_report.reading.rows import (
    MOST_COLUMNS,
    NAMED,
    BadRows,
    Batch,
    column_names,
    numbered,
    sound_rows,
)


def test_consecutive_lines_with_one_problem_share_a_warning() -> None:
    warnings: list[str] = []
    bad = BadRows(warnings.append)
    for line in (3, 4, 5):
        bad.skip(line, "1 field instead of 2")
    bad.repair(6, "NUL bytes were removed")
    bad.close()
    assert warnings == [
        "Lines 3 to 5: 1 field instead of 2; the rows were skipped.",
        "Line 6: NUL bytes were removed.",
    ]
    assert (bad.skipped, bad.repaired, bad.count) == (3, 1, 4)


def test_after_a_hundred_warnings_rows_are_only_counted() -> None:
    warnings: list[str] = []
    bad = BadRows(warnings.append)
    for line in range(0, 2 * (NAMED + 3), 2):
        bad.skip(line, "too long")
    bad.close()
    assert len(warnings) == NAMED + 1
    assert warnings[-1] == "3 more rows have similar problems."


def test_rows_of_another_width_are_left_out_with_their_line() -> None:
    bad = BadRows(lambda _: None)
    batch = Batch(rows=[("a", "b"), ("c",), ("d", "e")], lines=[2, 3, 5], bytes_read=9)
    assert sound_rows(batch, 2, bad) == [("a", "b"), ("d", "e")]
    bad.close()
    assert bad.sentences == ["Line 3: 1 field instead of 2; the row was skipped."]


def test_column_names_are_readable_and_unique() -> None:
    assert column_names(("a\n b", "", "a b", "a b")) == ("a b", "Column 2", "a b (2)", "a b (3)")
    assert numbered(2) == ("Column 1", "Column 2")


def test_more_columns_than_a_worksheet_has_are_refused() -> None:
    with pytest.raises(JobError, match="The limit is 16,384"):
        numbered(MOST_COLUMNS + 1)
