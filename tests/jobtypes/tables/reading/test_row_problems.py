from webapp.jobtypes.tables.notes import Note
from webapp.jobtypes.tables.reading.row_problems import NAMED, RowProblems


def test_consecutive_lines_with_one_problem_share_a_warning() -> None:
    warnings: list[str] = []
    problems = RowProblems(warnings.append)
    for line in (3, 4, 5):
        problems.skip(line, Note("1 field instead of 2"))
    problems.repair(6, Note("NUL bytes were removed"))
    problems.close()
    assert warnings == [
        "Lines 3 to 5: 1 field instead of 2; the rows were skipped.",
        "Line 6: NUL bytes were removed.",
    ]
    assert (problems.skipped, problems.repaired, problems.count) == (3, 1, 4)


def test_after_a_hundred_warnings_rows_are_only_counted() -> None:
    warnings: list[str] = []
    problems = RowProblems(warnings.append)
    for line in range(0, 2 * (NAMED + 3), 2):
        problems.skip(line, Note("too long"))
    problems.close()
    assert len(warnings) == NAMED + 1
    assert warnings[-1] == "3 more rows have similar problems."
