"""Every operators' filter is answered by an index, or reads a limited number of rows."""

from datetime import timedelta
from itertools import product
from typing import Any
from uuid import uuid4

from sqlalchemy import update

from tests.jobs.queries.test_visible_jobs import AUDITOR, BEN, many
from tests.jobs.statements import analyze, plan_of, recorded
from webapp.db.engine import writing
from webapp.jobs.queries.criteria import SYSTEM, AdminJobCriteria
from webapp.jobs.queries.visible_jobs import TABS
from webapp.schema import jobs, later
from webapp.services import Services

UNKNOWN = uuid4()
CHOICES: list[dict[str, Any]] = [
    {"queue": "nowhere"},
    {"worker": "w-1"},
    {"owner": UNKNOWN},
    {"owner": SYSTEM},
    {"error": "0123456789abcdef"},
    {"status": "queued"},
    {"status": "stale"},
    {"status": "queued", "queue": "nowhere"},
    {"owner": UNKNOWN, "queue": "nowhere", "text": "x"},
]


def test_no_operators_filter_scans_the_whole_table(services: Services, database: str) -> None:
    many(services, 20_000, owner=BEN.user_id)
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(finished_at=later(0)))
    analyze(services.engine, "jobs")
    recent = {"ended_since": services.queries.jobs.now() + timedelta(hours=1)}
    choices = [
        {**choice, "tab": tab} for tab, choice in product(TABS, CHOICES) if "status" not in choice or tab == "all"
    ]
    choices += [{"tab": tab, **recent, "many_ended": many_ended} for tab, many_ended in product(TABS, (True, False))]
    with recorded(services.engine) as statements:
        for choice in choices:
            services.queries.lists.find(AUDITOR, AdminJobCriteria(**choice))
            services.queries.lists.find(AUDITOR, AdminJobCriteria(**choice), before=uuid4())
            services.queries.lists.count_missing(AUDITOR, AdminJobCriteria(**choice), [uuid4()])
    plans = {
        statement: plan_of(services.engine, statement, values)
        for statement, values in statements
        if "FROM" in statement
    }
    assert len(plans) > len(choices) / 2
    scans = {statement: plan for statement, plan in plans.items() if any(map(_is_a_scan, plan.splitlines()))}
    assert scans == {}


def _is_a_scan(line: str) -> bool:
    """The newest jobs are read from the end of the primary key; any other read without a condition is a scan."""
    return "Seq Scan on jobs" in line or ("SCAN jobs" in line and not line.endswith("sqlite_autoindex_jobs_1"))
