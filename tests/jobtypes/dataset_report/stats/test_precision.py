from webapp.jobtypes.dataset_report.stats import precision
from webapp.jobtypes.dataset_report.stats.precision import precision_for


def test_a_narrow_table_gets_the_highest_precision() -> None:
    narrow = precision_for(1)
    assert (narrow.exact_values, narrow.hashes, narrow.candidates, narrow.buffer) == (10_000, 4_096, 1_024, 2_048)
    assert precision_for(0) == narrow


def test_all_columns_together_stay_within_the_budget() -> None:
    for columns in (50, 1_000):
        share = precision_for(columns)
        assert share.exact_values * columns <= precision.EXACT_VALUES
        assert share.hashes * columns <= precision.HASHES
        assert share.buffer * columns <= precision.BUFFERED_NUMBERS


def test_a_column_of_a_very_wide_table_keeps_a_minimum() -> None:
    wide = precision_for(16_384)
    assert (wide.exact_values, wide.hashes, wide.candidates, wide.buffer) == (16, 32, 16, 64)
