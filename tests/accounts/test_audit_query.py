"""Queries of the audit log use its indexes, because the log is never pruned."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import insert

from tests.jobs.statements import analyze, plan_of, recorded
from webapp.accounts.audit_query import AuditCriteria
from webapp.db.engine import is_sqlite, writing
from webapp.schema import audit
from webapp.services import Services

COUNT = 3000


@pytest.fixture
def kept(services: Services, database: str) -> Services:
    """Three thousand lines, one a minute, by two people; the last one is of now."""
    now = services.queries.jobs.now()
    rows: list[dict[str, Any]] = [
        {
            "at": now - timedelta(minutes=COUNT - 1 - place),
            "actor": "olga" if place % 3 else "audi",
            "action": "job_stop" if place % 5 else "queue_pause",
            "kind": "job" if place % 5 else "queue",
            "object_id": f"o{place}",
        }
        for place in range(COUNT)
    ]
    with writing(services.engine) as connection:
        connection.execute(insert(audit), rows)
    analyze(services.engine, "audit")
    return services


def objects(services: Services, **narrowed: Any) -> list[int]:
    return [int(line.object_id[1:]) for line in services.audit_trail.page(AuditCriteria(**narrowed), limit=COUNT)]


def test_filters_match_alone_and_combined(kept: Services) -> None:
    now = kept.queries.jobs.now()
    every = list(reversed(range(COUNT)))
    assert objects(kept) == every
    assert objects(kept, actor="audi") == [place for place in every if place % 3 == 0]
    assert objects(kept, kind="queue", actor="audi") == [place for place in every if place % 15 == 0]
    assert objects(kept, kind="job", object_id="o7") == [7]
    assert objects(kept, kind="queue", object_id="o7") == []
    # the line of a minute is a little older than it, as the clock has gone on
    assert objects(kept, since=now - timedelta(minutes=3)) == every[:3]
    assert objects(kept, until=now - timedelta(minutes=COUNT - 3)) == [2, 1, 0]
    since, until = now - timedelta(minutes=100), now - timedelta(minutes=90)
    assert objects(kept, since=since, until=until) == [place for place in every if 90 <= COUNT - 1 - place < 100]
    assert objects(kept, until=now - timedelta(days=900)) == []


CHOICES: list[dict[str, Any]] = [
    dict(pair for pair in pairs if pair[1])
    for pairs in product(
        (("actor", ""), ("actor", "nobody")),
        (("action", ""), ("action", "user_add")),
        (("kind", ""), ("kind", "schedule")),
        (("object_id", ""), ("object_id", "nothing")),
    )
]


def test_every_filter_uses_an_index(kept: Services) -> None:
    now = kept.queries.jobs.now()
    times = [{}, {"since": now}, {"until": now - timedelta(days=2)}]
    with recorded(kept.engine) as sent:
        for choice, bounds in product(CHOICES, times):
            kept.audit_trail.page(AuditCriteria(**choice, **bounds))
            kept.audit_trail.page(AuditCriteria(**choice, **bounds), before=5)
    plans = {statement: plan_of(kept.engine, statement, values, as_if_large=True) for statement, values in sent}
    narrowed = {statement: plan for statement, plan in plans.items() if "WHERE" in statement}
    assert len(narrowed) > 2 * len(CHOICES)
    assert [plan for plan in narrowed.values() if "Seq Scan" in plan or "SCAN audit" in plan] == []
    if is_sqlite(kept.engine):
        alone = [plan for statement, plan in narrowed.items() if "audit.kind = ?" in statement]
        assert all("ix_audit_kind" in plan for plan in alone)
