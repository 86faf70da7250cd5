"""A filled installation is one that the product could have made."""

from sqlalchemy import func, select, text

from benchmarks.rows.job_history import UNFINISHED
from tests.benchmarks.rows.conftest import ROWS, Filled
from webapp.db.engine import reading
from webapp.jobs.invariants.verifier import run_checks
from webapp.jobs.monitoring.clock_heartbeat import ClockHeartbeat
from webapp.schema import attempts, error_groups, events, jobs, runs


def test_indexes_and_settings_are_as_before(filled: Filled) -> None:
    assert filled.before == filled.after


def test_every_rule_holds(filled: Filled) -> None:
    services = filled.services
    ClockHeartbeat(services.engine).beat()
    services.wake_ups.top_up("default", 1)
    findings = list(run_checks(services.checks(deep=False), pause_seconds=0))
    assert [finding for finding in findings if not finding.holds] == []


def test_the_rollups_have_counted_everything(filled: Filled) -> None:
    services = filled.services
    with reading(services.engine) as connection:
        first = connection.execute(select(func.date_trunc("hour", func.min(jobs.c.finished_at)))).scalar_one()
        ended = connection.execute(select(func.count(jobs.c.finished_at))).scalar_one()
        tries = connection.execute(select(func.count()).select_from(attempts)).scalar_one()
        counted = connection.execute(select(func.sum(runs.c.runs))).scalar_one()
        failures = connection.execute(
            select(func.count()).where(attempts.c.outcome.in_(("failed", "stale")))
        ).scalar_one()
        grouped = connection.execute(select(func.sum(error_groups.c.count))).scalar_one()
        last = connection.execute(select(func.max(events.c.id))).scalar_one()
    assert ended == ROWS - UNFINISHED
    assert sum(services.metrics.count_ended_by_hour(first).values()) == ended
    assert (counted, grouped) == (tries, failures)
    services.metrics.roll_up()
    with reading(services.engine) as connection:
        assert connection.execute(select(func.sum(runs.c.runs))).scalar_one() == counted
        assert connection.execute(text("SELECT nextval(pg_get_serial_sequence('events', 'id'))")).scalar_one() > last
