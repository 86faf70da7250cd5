"""Insert a month of finished jobs, and a few running and queued ones, with a single SQL statement."""

from datetime import UTC, datetime

from sqlalchemy import text

from webapp.db.engine import is_sqlite, writing
from webapp.services import Services

DAYS = 30
_RUNNING, _WAITING = 20, 200
_COLUMNS = "id, type, title, status, queue, priority, payload, attempt, created_at, started_at, finished_at"
_STATUS = f"""CASE WHEN i >= :count - {_RUNNING} THEN 'running' WHEN i >= :count - {_RUNNING + _WAITING} THEN 'queued'
    WHEN i % 50 = 7 THEN 'failed' WHEN i % 100 = 9 THEN 'cancelled' ELSE 'completed' END"""
_ROW = "i, CAST(:now - (:count - i) * (:period / :count) AS BIGINT) AS ms"
_SQLITE = f"""INSERT INTO jobs ({_COLUMNS})
    WITH RECURSIVE numbers(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i < :count - 1),
    timed AS (SELECT {_ROW} FROM numbers), classified AS (SELECT i, ms, {_STATUS} AS status FROM timed)
    SELECT printf('%012x', ms) || '70008' || printf('%015x', i), 'type_' || (i % 7), 'Benchmark job', status,
      'default', 100, '{{}}', 1, strftime('%Y-%m-%d %H:%M:%f000', ms / 1000.0, 'unixepoch'),
      CASE WHEN status <> 'queued' THEN strftime('%Y-%m-%d %H:%M:%f000', ms / 1000.0, 'unixepoch') END,
      CASE WHEN status NOT IN ('queued', 'running')
        THEN strftime('%Y-%m-%d %H:%M:%f000', ms / 1000.0, 'unixepoch') END
    FROM classified"""
_POSTGRESQL = f"""INSERT INTO jobs ({_COLUMNS})
    WITH timed AS (SELECT {_ROW} FROM generate_series(0, :count - 1) AS i),
    classified AS (SELECT i, ms, {_STATUS} AS status FROM timed)
    SELECT (lpad(to_hex(ms), 12, '0') || '70008' || lpad(to_hex(i), 15, '0'))::uuid, 'type_' || (i % 7),
      'Benchmark job', status, 'default', 100, '{{}}', 1, to_timestamp(ms / 1000.0),
      CASE WHEN status <> 'queued' THEN to_timestamp(ms / 1000.0) END,
      CASE WHEN status NOT IN ('queued', 'running') THEN to_timestamp(ms / 1000.0) END
    FROM classified"""


def fill(services: Services, count: int) -> None:
    """Create ``count`` jobs spread over `DAYS`, and update the metrics as the scheduler does."""
    now = datetime.now(UTC).timestamp() * 1000
    given = {"count": count, "now": int(now), "period": DAYS * 86_400_000.0}
    sqlite = is_sqlite(services.engine)
    with writing(services.engine) as connection:
        if not sqlite:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text(_SQLITE if sqlite else _POSTGRESQL), given)
    with services.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not sqlite:
            connection.execute(text("SET statement_timeout = 0"))
            connection.execute(text("VACUUM ANALYZE jobs"))
    services.metrics.roll_up()
