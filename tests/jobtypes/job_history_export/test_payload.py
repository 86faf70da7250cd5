from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from webapp.jobs import Status
from webapp.jobtypes.job_history_export.payload import JobHistoryExport

NOW = datetime(2026, 11, 28, 10, tzinfo=UTC)


def test_both_days_are_included_and_begin_at_midnight_utc() -> None:
    criteria = JobHistoryExport(since=date(2026, 11, 1), until=date(2026, 11, 2)).criteria(NOW)
    assert criteria.since == datetime(2026, 11, 1, tzinfo=UTC)
    assert criteria.before == datetime(2026, 11, 3, tzinfo=UTC)


@pytest.mark.parametrize("until", [None, date(2026, 11, 28), date.max])
def test_jobs_that_are_created_during_the_export_are_left_out(until: date | None) -> None:
    criteria = JobHistoryExport(until=until, statuses=[Status.FAILED], tag="month end").criteria(NOW)
    assert (criteria.since, criteria.before) == (None, NOW)
    assert (criteria.statuses, criteria.tag) == ((Status.FAILED,), "month end")


def test_the_last_day_cannot_be_before_the_first() -> None:
    with pytest.raises(ValidationError, match="before the start day"):
        JobHistoryExport(since=date(2026, 11, 2), until=date(2026, 11, 1))
