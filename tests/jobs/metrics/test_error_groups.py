"""A page of errors is read in the order of its index, however many different errors there are."""

from datetime import timedelta
from itertools import product
from uuid import uuid4

from sqlalchemy import insert

from tests.jobs.statements import analyze, plan_of, recorded
from webapp.db.engine import writing
from webapp.jobs.metrics.error_groups import ErrorState
from webapp.schema import error_groups
from webapp.services import Services


def test_a_page_of_errors_is_read_in_the_order_of_its_index(services: Services, database: str) -> None:
    now = services.queries.jobs.now()
    common = {"type": "nothing", "message": "It broke.", "sample_job_id": uuid4(), "count": 1, "first_seen_at": now}
    rows = [{"fingerprint": f"{n:016x}", "last_seen_at": now - timedelta(minutes=n), **common} for n in range(5000)]
    with writing(services.engine) as connection:
        connection.execute(insert(error_groups), rows)
    analyze(services.engine, "error_groups")
    starts = (None, (now - timedelta(minutes=50), f"{50:016x}"))
    with recorded(services.engine) as statements:
        for state, type_name, since, before in product((None, ErrorState.OPEN), ("", "nothing"), (None, now), starts):
            services.metrics.errors.page(state=state, type_name=type_name, since=since, before=before)
    plans = [plan_of(services.engine, statement, values) for statement, values in statements]
    assert len(plans) == 16
    assert [plan for plan in plans if "ix_error_groups_seen" not in plan or "Seq Scan on error_groups" in plan] == []
