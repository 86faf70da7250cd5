"""The rows of a large installation as SQL of PostgreSQL: each table is computed from the number of a job, 1 to N.

A month of jobs, oldest first. Of a hundred finished jobs, ten are a family, four fail (two of them after a retry), two
are cancelled before they start, one is public, one belongs to nobody, nine have tags, one follows another, ten have
log lines and ten had a file. The last `UNFINISHED` are queued, scheduled or held.
"""

from collections.abc import Iterator, Sequence
from uuid import UUID

from webapp.jobs.metrics.error_signature import error_signature
from webapp.jobs.metrics.histogram import BOUNDS

DAYS = 30.0
UNFINISHED = 200
EVENTS_PER_JOB = 8  # ids that each job has for its events
UNREAD = 5_000  # of all notifications, the newest
_QUIET_SECONDS = 900  # before now, without finished jobs
_ERROR = "OSError: [Errno 28] No space left on device"
_ERRORS = f"""jsonb_build_array(jsonb_build_object('text', '{_ERROR}', 'at', ended))"""
_TYPES = ("dataset_report", "noop", "job_history_export", "dataset_report", "noop")
_FAN, _CHILD = "fan", "noop"
Statement = tuple[str, str]  # the table, and the SQL that selects its columns and rows


def statements(rows: int, now: float, owner_ids: Sequence[UUID]) -> Iterator[Statement]:
    """Yield the statements that fill the tables of jobs; ``:first`` and ``:last`` are numbers of jobs."""
    jobs = f"WITH {_jobs(rows, now, owner_ids)}"
    yield "jobs", f"{jobs} {_JOBS}"
    yield "events", f"WITH {_jobs(rows, now, owner_ids, keep='MATERIALIZED')} {_EVENTS}"  # read several times
    yield "attempts", f"{jobs} {_ATTEMPTS}"
    yield "notices", f"{jobs} {_notices(rows)}"
    yield "log_lines", f"{jobs} {_LOG_LINES}"
    yield "attachments", f"{jobs} {_ATTACHMENTS}"
    yield "dependencies", f"{jobs} {_DEPENDENCIES}"
    yield "job_errors", f"{jobs} {_job_errors()}"


def rollups(rows: int, now: float, owner_ids: Sequence[UUID]) -> Iterator[str]:
    """Yield the statements that add up the jobs as the clock does, for all jobs at once."""
    jobs = f"WITH {_jobs(rows, now, owner_ids)}"
    yield f"""INSERT INTO endings (hour, type, queue, status, jobs) {jobs}
        SELECT date_trunc('hour', ended, 'UTC'), type, 'default', status, count(*) FROM described
        WHERE ended IS NOT NULL GROUP BY 1, 2, 4"""
    yield f"""INSERT INTO runs (hour, type, queue, outcome, run_bucket, wait_bucket, runs) {jobs}, {_RUNS})
        SELECT date_trunc('hour', finished, 'UTC'), type, 'default', outcome, {_bucket("run")},
        CASE WHEN wait IS NULL THEN -1 ELSE {_bucket("wait")} END, count(*) FROM each GROUP BY 1, 2, 4, 5, 6"""
    yield from (_totals(measure) for measure in ("run", "wait"))
    yield """INSERT INTO totals (measure, type, queue, name, bucket, count, seconds)
        SELECT 'event', '', '', name, 0, count(*), 0 FROM events GROUP BY name"""
    yield from _error_groups(jobs)
    yield f"""INSERT INTO cursors (name, event_id, moment, moved_at) VALUES
        ('endings', 0, to_timestamp({now}) - interval '1 minute', now()),
        ('runs', (SELECT max(id) FROM events), NULL, now()), ('errors', (SELECT max(id) FROM events), NULL, now())"""


def _totals(measure: str) -> str:
    """Return the totals of a measure; each duration counts as the bound of its bucket."""
    bounds = ", ".join(map(str, BOUNDS))
    return f"""INSERT INTO totals (measure, type, queue, name, bucket, count, seconds)
        SELECT '{measure}', type, queue, outcome, {measure}_bucket, sum(runs),
          sum(runs * (ARRAY[{bounds}])[1 + {measure}_bucket]) FROM runs
        WHERE {measure}_bucket >= 0 GROUP BY type, queue, outcome, {measure}_bucket"""


def _jobs(rows: int, now: float, owner_ids: Sequence[UUID], *, keep: str = "NOT MATERIALIZED") -> str:
    """Return the queries of what all tables of a job share: number, id, kind, owner, type and times."""
    finished = rows - UNFINISHED
    period = DAYS * 86_400 / finished
    start = now - _QUIET_SECONDS - DAYS * 86_400
    owners = ", ".join(f"'{owner}'" for owner in owner_ids)
    others = len(owner_ids) - 1
    types = ", ".join(f"'{name}'" for name in _TYPES)

    def at(number: str) -> str:
        return f"{start}::float8 + ({number}) * {period}::float8"

    root = _id("i - k + 80", at("i - k + 80"))
    return f"""numbered AS NOT MATERIALIZED (
        SELECT i, i % 100 AS k, i > {finished} AS unfinished, (i / 100 * 7919) % 50 AS share,
        CASE WHEN i <= {finished} THEN {at("i")} ELSE {now}::float8 - ({rows} - i) END AS at
        FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS i),
    placed AS NOT MATERIALIZED (
        SELECT *, {_id("i", "at")} AS id, to_timestamp(at) AS created,
        NOT unfinished AND k = 80 AS is_root, NOT unfinished AND k BETWEEN 81 AND 89 AS is_child,
        CASE WHEN NOT unfinished AND k BETWEEN 81 AND 89 THEN {root} END AS root,
        CASE WHEN unfinished THEN CASE WHEN i % 10 < 6 THEN 'queued' WHEN i % 10 < 9 THEN 'scheduled' ELSE 'held' END
          WHEN k IN (3, 23, 43) OR (k = 33 AND i % 1000 <> 33) THEN 'failed' WHEN k = 33 THEN 'stale'
          WHEN k IN (13, 53) THEN 'cancelled' ELSE 'completed' END AS status,
        CASE WHEN NOT unfinished AND k IN (7, 17) THEN NULL
          WHEN share < 5 THEN (ARRAY[{owners}])[1]
          ELSE (ARRAY[{owners}])[2 + share % {others}] END::uuid AS owner,
        CASE WHEN unfinished THEN '{_CHILD}' WHEN k = 80 THEN '{_FAN}' WHEN k BETWEEN 81 AND 89 THEN '{_CHILD}'
          ELSE (ARRAY[{types}])[1 + i / 3 % {len(_TYPES)}] END AS type,
        CASE WHEN unfinished OR k IN (13, 53) THEN 0 WHEN k IN (3, 23) THEN 2 ELSE 1 END AS tries,
        0.0537 + i % 97 * 0.0131::float8 AS waited,
        0.1037 + (i % 211) * (i % 211) / 517.0::float8 AS ran FROM numbered),
    described AS {keep} (
        SELECT *, CASE WHEN tries > 0 THEN created + make_interval(secs => waited) END AS began,
        CASE WHEN unfinished THEN NULL WHEN tries = 0 THEN created + interval '2 seconds'
          ELSE created + make_interval(secs => waited + tries * ran) END AS ended FROM placed)"""


def _id(number: str, at: str) -> str:
    milliseconds = f"floor(({at}) * 1000)::bigint"
    return f"(lpad(to_hex({milliseconds}), 12, '0') || '70008' || lpad(to_hex({number}), 15, '0'))::uuid"


_JOBS = f"""INSERT INTO jobs (id, type, title, status, queue, priority, owner_id, public, triggered_by, payload,
      progress, message, errors, warnings, run_at, unique_key, root_id, child_name, parts, parts_completed,
      has_dependents, attempt, max_attempts, created_at, started_at, finished_at, heartbeat_at, cancel_requested_at,
      cancel_kind, tags, version)
    SELECT id, type, CASE type WHEN 'dataset_report' THEN 'Report on orders-' || i || '.csv'
        WHEN '{_CHILD}' THEN 'No-op' WHEN '{_FAN}' THEN 'Creates no-op children' ELSE 'Job history' END,
      status, 'default', 100, owner, NOT unfinished AND k = 7, owner,
      CASE type WHEN '{_FAN}' THEN '{{"count": 9}}'::jsonb WHEN 'job_history_export' THEN '{{"format": "csv"}}'::jsonb
        ELSE jsonb_build_object('number', i) END,
      CASE status WHEN 'completed' THEN 100 WHEN 'failed' THEN 40 WHEN 'stale' THEN 60 ELSE 0 END,
      CASE status WHEN 'completed' THEN i % 1000 || ' of ' || i % 1000 || ' rows' WHEN 'failed' THEN 'Reading rows'
        ELSE '' END,
      CASE WHEN status IN ('failed', 'stale') THEN {_ERRORS} ELSE '[]' END,
      CASE WHEN k IN (31, 32)
        THEN jsonb_build_array(jsonb_build_object('text', 'Row ' || i || ' is empty.', 'at', ended)) ELSE '[]' END,
      CASE WHEN status = 'scheduled' THEN created + make_interval(days => 1 + i::int % 20) END,
      CASE WHEN NOT unfinished AND k = 70 THEN 'import-' || i END,
      root, CASE WHEN is_child THEN 'Part ' || k - 80 END, CASE WHEN is_root THEN 9 ELSE 0 END,
      CASE WHEN is_root THEN 9 ELSE 0 END, CASE WHEN unfinished THEN i % 10 = 8 ELSE k = 60 END, tries,
      greatest(tries, 1), created, CASE WHEN tries > 1 THEN began + make_interval(secs => ran) ELSE began END,
      ended, ended,
      CASE WHEN status = 'cancelled' THEN ended END, CASE WHEN status = 'cancelled' THEN 'before_start' END,
      CASE k % 22 WHEN 4 THEN jsonb_build_array('customer-' || i / 100 % 500)
        WHEN 15 THEN jsonb_build_array('customer-' || i / 100 % 500, 'nightly') END, 3
    FROM described"""
# The events of a job by their numbers: created, started, failed and started again, handler returned, ended
_EVENTS = f"""INSERT INTO events (id, job_id, at, name, attempt, actor_id, detail)
    SELECT i * {EVENTS_PER_JOB} + n, id,
      CASE n WHEN 0 THEN created WHEN 1 THEN began WHEN 4 THEN began + make_interval(secs => ran / 2) WHEN 5 THEN ended
        ELSE began + make_interval(secs => ran) END,
      CASE n WHEN 0 THEN 'created' WHEN 2 THEN 'failed' WHEN 4 THEN 'waiting' WHEN 5 THEN status ELSE 'started' END,
      CASE n WHEN 0 THEN 0 WHEN 3 THEN 2 WHEN 5 THEN tries ELSE 1 END,
      CASE WHEN n = 0 OR (n = 5 AND tries = 0) THEN owner END,
      CASE WHEN n = 2 OR (n = 5 AND status IN ('failed', 'stale')) THEN '{_ERROR}' ELSE '' END
    FROM described, unnest(CASE WHEN unfinished THEN '{{0}}'::int[] WHEN tries = 0 THEN '{{0,5}}'
      WHEN tries > 1 THEN '{{0,1,2,3,5}}' WHEN is_root THEN '{{0,1,4,5}}' ELSE '{{0,1,5}}' END) AS n"""
_ATTEMPTS = f"""INSERT INTO attempts (job_id, number, outcome, worker, host, pid, started_at, finished_at, error,
      peak_memory, cpu_seconds, longest_silence)
    SELECT id, n, CASE WHEN n < tries THEN 'failed' WHEN is_root THEN 'waiting' ELSE status END,
      md5((i % 40)::text), 'worker-' || i % 5, 2000 + i % 30000, began + make_interval(secs => (n - 1) * ran),
      CASE WHEN is_root THEN began + make_interval(secs => ran / 2) ELSE began + make_interval(secs => n * ran) END,
      CASE WHEN n < tries OR status IN ('failed', 'stale') THEN '{_ERROR}' END,
      (60 + i % 260) * 1048576, ran * 0.6, ran / 10
    FROM described, generate_series(1, tries) AS n"""
_LOG_LINES = """INSERT INTO log_lines (job_id, attempt, at, level, text)
    SELECT id, tries, began, 'INFO', line || ' of 2: ' || i || ' rows read'
    FROM described, generate_series(1, 2) AS line WHERE NOT unfinished AND k BETWEEN 40 AND 49"""
# The files have expired, so that only their rows are left
_ATTACHMENTS = """INSERT INTO attachments (id, job_id, attempt, role, name, media_type, size, sha256, created_at,
      expires_at, deleted_at)
    SELECT md5('file ' || i)::uuid, id, tries, 'output', 'report-' || i || '.html', 'text/html', 1000 + i,
      md5(i::text) || md5(i::text), ended, ended + interval '1 hour', ended + interval '2 hours' FROM described
    WHERE NOT unfinished AND k BETWEEN 20 AND 29"""
_DEPENDENCIES = """INSERT INTO dependencies (job_id, after_id)
    SELECT later.id, before.id FROM described AS later JOIN described AS before ON before.i = later.i - 1
    WHERE CASE WHEN later.unfinished THEN later.i % 10 = 9 ELSE later.k = 61 END"""
_RUNS = """each AS (
    SELECT type, CASE WHEN n < tries THEN 'failed' WHEN is_root THEN 'waiting' ELSE status END AS outcome,
      CASE WHEN is_root THEN ran / 2 ELSE ran END AS run,
      CASE WHEN n = 1 AND NOT is_child AND k <> 61 THEN waited END AS wait,
      began + make_interval(secs => CASE WHEN is_root THEN ran / 2 ELSE n * ran END) AS finished
    FROM described, generate_series(1, tries) AS n"""


def _notices(rows: int) -> str:
    return f"""INSERT INTO notices (user_id, job_id, kind, at, read_at)
        SELECT owner, id, status, ended, CASE WHEN i <= {rows - UNREAD} THEN ended + interval '7 minutes' END
        FROM described WHERE NOT unfinished AND owner IS NOT NULL AND NOT is_child AND tries > 0"""


def _job_errors() -> str:
    cases = " ".join(f"WHEN '{name}' THEN '{fingerprint}'" for name, fingerprint in _fingerprints())
    return f"""INSERT INTO job_errors (job_id, fingerprint)
        SELECT id, CASE type {cases} END FROM described WHERE status IN ('failed', 'stale')"""


def _error_groups(jobs: str) -> Iterator[str]:
    cases = " ".join(f"WHEN '{name}' THEN '{fingerprint}'" for name, fingerprint in _fingerprints())
    failures = f"{jobs}, {_RUNS} WHERE NOT unfinished AND k IN (3, 23, 33, 43)), failures AS ("
    failures += f"SELECT CASE type {cases} END AS fingerprint, type, finished FROM each)"
    yield f"""INSERT INTO error_groups (fingerprint, type, message, sample_job_id, count, first_seen_at, last_seen_at)
        {failures} SELECT fingerprint, type, '{_ERROR}',
        (SELECT job_id FROM job_errors AS latest WHERE latest.fingerprint = failures.fingerprint
          ORDER BY job_id DESC LIMIT 1),
        count(*), min(finished), max(finished) FROM failures GROUP BY fingerprint, type"""
    yield f"""INSERT INTO error_hours (fingerprint, hour, count) {failures}
        SELECT fingerprint, date_trunc('hour', finished, 'UTC'), count(*) FROM failures GROUP BY 1, 2"""
    yield """INSERT INTO error_users (fingerprint, user_id) SELECT DISTINCT fingerprint, owner_id FROM job_errors
        JOIN jobs ON jobs.id = job_id WHERE owner_id IS NOT NULL"""


def _fingerprints() -> Iterator[tuple[str, str]]:
    for name in dict.fromkeys((*_TYPES, _CHILD)):
        yield name, error_signature(name, _ERROR).fingerprint


def _bucket(seconds: str) -> str:
    """Return the SQL of `histogram.bucket_of`; no duration here equals a bound."""
    return f"width_bucket({seconds}::float8, ARRAY[{', '.join(map(str, BOUNDS))}]::float8[])"
