"""Let a job that waits for a unique key reserve it: no other job can claim the key meanwhile."""

from alembic import op

revision = '0048'
down_revision = '0047'

UNFINISHED = "('held', 'scheduled', 'queued', 'running', 'waiting')"
HOLDS = f"NEW.unique_key IS NOT NULL AND NEW.status IN {UNFINISHED}"
CHANGES = f"""(OLD.unique_key IS NOT NULL OR NEW.unique_key IS NOT NULL)
              AND (OLD.unique_key IS NOT NEW.unique_key
                   OR (OLD.status IN {UNFINISHED}) <> (NEW.status IN {UNFINISHED}))"""
RELEASE = "DELETE FROM claimed_keys WHERE key = OLD.unique_key AND job_id = OLD.id;"
CLAIM = "INSERT INTO claimed_keys (key, job_id)"
OTHERS_WAIT = "EXISTS (SELECT 1 FROM jobs WHERE next_key = NEW.unique_key AND status = 'held' AND id <> NEW.id)"
WAITED = "OLD.status = 'held' AND OLD.next_key = NEW.unique_key"
RESERVED = "claimed_keys.key: an earlier job waits for the unique key"
NEW_JOB, CHANGED_JOB = "key_of_a_new_job", "key_of_a_changed_job"


def sqlite_triggers(*, reserving: bool) -> tuple[str, ...]:
    """Return the statements that create the triggers, with or without the keys that waiting jobs reserve."""
    refuse = f"SELECT RAISE(ABORT, 'UNIQUE constraint failed: {RESERVED}') WHERE"
    of_new = f"{refuse} {OTHERS_WAIT};" if reserving else ""
    of_changed = f"{refuse} {HOLDS} AND ({WAITED}) IS NOT TRUE AND {OTHERS_WAIT};" if reserving else ""
    return (
        f"""CREATE TRIGGER {NEW_JOB} AFTER INSERT ON jobs WHEN {HOLDS}
            BEGIN {of_new} {CLAIM} VALUES (NEW.unique_key, NEW.id); END""",
        f"""CREATE TRIGGER {CHANGED_JOB} AFTER UPDATE OF status, unique_key ON jobs WHEN {CHANGES}
            BEGIN {RELEASE} {of_changed} {CLAIM} SELECT NEW.unique_key, NEW.id WHERE {HOLDS}; END""",
    )


def postgresql_function(*, reserving: bool) -> str:
    """Return the statement that replaces the triggers' function."""
    refuse = f"""
              IF TG_OP = 'UPDATE' THEN
                waited := COALESCE({WAITED}, FALSE);
              END IF;
              IF NOT waited AND {OTHERS_WAIT} THEN
                RAISE unique_violation USING MESSAGE = 'duplicate key value violates {RESERVED}';
              END IF;"""
    return f"""CREATE OR REPLACE FUNCTION keep_claimed_keys() RETURNS trigger LANGUAGE plpgsql AS $$
            DECLARE waited boolean := FALSE;
            BEGIN
            IF TG_OP <> 'INSERT' THEN
              {RELEASE}
            END IF;
            IF TG_OP <> 'DELETE' AND {HOLDS} THEN{refuse if reserving else ""}
              {CLAIM} VALUES (NEW.unique_key, NEW.id);
            END IF;
            RETURN NULL;
            END $$"""


def upgrade() -> None:
    _replace(reserving=True)


def downgrade() -> None:
    _replace(reserving=False)


def _replace(*, reserving: bool) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(postgresql_function(reserving=reserving))
        return
    for name, statement in zip((NEW_JOB, CHANGED_JOB), sqlite_triggers(reserving=reserving), strict=True):
        op.execute(f"DROP TRIGGER {name}")
        op.execute(statement)
