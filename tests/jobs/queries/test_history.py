"""The history has every job that a viewer may see, page by page."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.jobs.queries.test_visible_jobs import ANA, ANAS, BEN, PUBLIC, set_status
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.queries import history
from webapp.jobs.queries.history import HistoryCriteria, JobHistory
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Make = Callable[..., Job]


def titles(services: Services, **criteria: object) -> list[str]:
    end = services.queries.jobs.now() + timedelta(minutes=1)
    pages = JobHistory(services.engine, ANA).pages(HistoryCriteria(before=end, **criteria), with_diagnostics=False)
    return [row["title"] for page in pages for row in page]


def test_pages_have_no_gaps_and_no_duplicates(services: Services, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "PAGE", 3)
    ids = [make(ANAS if number % 2 else PUBLIC).id for number in range(10)]
    make(Owner(user_id=BEN.user_id))
    criteria = HistoryCriteria(before=services.queries.jobs.now() + timedelta(minutes=1))
    seen = JobHistory(services.engine, ANA)
    pages = list(seen.pages(criteria, with_diagnostics=False))
    assert [len(page) for page in pages] == [3, 3, 3, 1]
    assert [row["id"] for page in pages for row in page] == ids[::-1]
    assert seen.count(criteria) == 10


def test_the_history_is_filtered_by_time_status_and_type(services: Services, make: Make) -> None:
    job = make(ANAS)
    set_status(services, job, Status.COMPLETED)
    now = services.queries.jobs.now()
    assert titles(services, statuses=(Status.COMPLETED,), types=("nothing",)) == [job.title]
    assert titles(services, statuses=(Status.FAILED,)) == titles(services, types=("other",)) == []
    assert titles(services, since=now + timedelta(seconds=30)) == []


def test_the_history_is_narrowed_to_a_tag_however_it_is_spelled(services: Services, make: Make) -> None:
    make(ANAS)
    job = services.jobs.create_job("nothing", owner=ANAS, title="tagged", tags=["month end"])
    assert titles(services, tag=" Month  End ") == [job.title]
    assert titles(services, tag="month") == []


def test_diagnostics_are_added_on_request(services: Services, make: Make) -> None:
    make(ANAS)
    criteria = HistoryCriteria(before=services.queries.jobs.now() + timedelta(minutes=1))
    [[row]] = JobHistory(services.engine, ANA).pages(criteria, with_diagnostics=True)
    assert (row["message"], row["warnings"], row["errors"]) == ("", [], [])
