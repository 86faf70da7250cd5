"""Create the rollups for pages about the whole installation."""

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'

# Triggers subtract a counted job from its sum when it runs again or is deleted, and add one that finishes late.
# Jobs that retention deletes are older than two days and stay in the history.
SQLITE_HOUR = "substr({0}.finished_at, 1, 13) || ':00:00.000000'"
SQLITE_COUNTED = "{0}.finished_at < (SELECT moment FROM cursors WHERE name = 'endings')"
SQLITE_SUM = """INSERT INTO endings (hour, type, queue, status, jobs)
    SELECT {hour}, {row}.type, {row}.queue, {row}.status, {sign} WHERE {counted};"""


def sqlite_sum(row: str, sign: int) -> str:
    return SQLITE_SUM.format(
        hour=SQLITE_HOUR.format(row), row=row, sign=sign, counted=SQLITE_COUNTED.format(row)
    )


MIRRORED = {
    "sqlite": (
        f"""CREATE TRIGGER endings_after_insert AFTER INSERT ON jobs WHEN NEW.finished_at IS NOT NULL
            BEGIN {sqlite_sum('NEW', 1)} END""",
        f"""CREATE TRIGGER endings_after_update AFTER UPDATE OF finished_at ON jobs
            WHEN (OLD.finished_at IS NOT NULL AND OLD.finished_at IS NOT NEW.finished_at)
              OR NEW.finished_at < strftime('%Y-%m-%d %H:%M:%f000', 'now', '-1 minute')
            BEGIN {sqlite_sum('OLD', -1)} {sqlite_sum('NEW', 1)} END""",
        f"""CREATE TRIGGER endings_after_delete AFTER DELETE ON jobs
            WHEN OLD.finished_at >= strftime('%Y-%m-%d %H:%M:%f000', 'now', '-2 days')
            BEGIN {sqlite_sum('OLD', -1)} END""",
    ),
    "postgresql": (
        """CREATE FUNCTION mirror_endings() RETURNS trigger LANGUAGE plpgsql AS $$
           DECLARE counted_until timestamptz;
           BEGIN
             SELECT moment INTO counted_until FROM cursors WHERE name = 'endings' FOR SHARE;
             IF TG_OP <> 'INSERT' AND OLD.finished_at < counted_until THEN
               INSERT INTO endings (hour, type, queue, status, jobs)
               VALUES (date_trunc('hour', OLD.finished_at, 'UTC'), OLD.type, OLD.queue, OLD.status, -1);
             END IF;
             IF TG_OP <> 'DELETE' AND NEW.finished_at < counted_until THEN
               INSERT INTO endings (hour, type, queue, status, jobs)
               VALUES (date_trunc('hour', NEW.finished_at, 'UTC'), NEW.type, NEW.queue, NEW.status, 1);
             END IF;
             RETURN NULL;
           END $$""",
        """CREATE TRIGGER endings_after_insert AFTER INSERT ON jobs FOR EACH ROW
           WHEN (NEW.finished_at IS NOT NULL) EXECUTE FUNCTION mirror_endings()""",
        """CREATE TRIGGER endings_after_update AFTER UPDATE OF finished_at ON jobs FOR EACH ROW
           WHEN ((OLD.finished_at IS NOT NULL AND OLD.finished_at IS DISTINCT FROM NEW.finished_at)
             OR NEW.finished_at < now() - interval '1 minute')
           EXECUTE FUNCTION mirror_endings()""",
        """CREATE TRIGGER endings_after_delete AFTER DELETE ON jobs FOR EACH ROW
           WHEN (OLD.finished_at >= now() - interval '2 days') EXECUTE FUNCTION mirror_endings()""",
    ),
}
TRIGGERS = ("endings_after_insert", "endings_after_update", "endings_after_delete")
ENDED_BADLY = sa.text("status IN ('failed', 'stale', 'cancelled')")
counter = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        'cursors',
        sa.Column('name', sa.String(length=40), nullable=False),
        sa.Column('event_id', counter, server_default=sa.text('0'), nullable=False),
        sa.Column('moment', moment, nullable=True),
        sa.Column('moved_at', moment, nullable=False),
        sa.PrimaryKeyConstraint('name', name=op.f('pk_cursors')),
    )
    op.create_table(
        'endings',
        sa.Column('id', counter, nullable=False),
        sa.Column('hour', moment, nullable=False),
        sa.Column('type', sa.String(length=80), nullable=False),
        sa.Column('queue', sa.String(length=80), nullable=False),
        sa.Column('status', sa.String(length=12), nullable=False),
        sa.Column('jobs', sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_endings')),
    )
    op.create_index('ix_endings_hour', 'endings', ['hour'])
    op.create_table(
        'runs',
        sa.Column('hour', moment, nullable=False),
        sa.Column('type', sa.String(length=80), nullable=False),
        sa.Column('queue', sa.String(length=80), nullable=False),
        sa.Column('outcome', sa.String(length=12), nullable=False),
        sa.Column('run_bucket', sa.SmallInteger(), nullable=False),
        sa.Column('wait_bucket', sa.SmallInteger(), nullable=False),
        sa.Column('runs', sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            'hour', 'type', 'queue', 'outcome', 'run_bucket', 'wait_bucket', name=op.f('pk_runs')
        ),
    )
    op.create_table(
        'error_groups',
        sa.Column('fingerprint', sa.String(length=16), nullable=False),
        sa.Column('type', sa.String(length=80), nullable=False),
        sa.Column('message', sa.Text(), nullable=False),
        sa.Column('place', sa.String(length=200), server_default='', nullable=False),
        sa.Column('sample_job_id', sa.Uuid(), nullable=False),
        sa.Column('count', sa.Integer(), nullable=False),
        sa.Column('first_seen_at', moment, nullable=False),
        sa.Column('last_seen_at', moment, nullable=False),
        sa.Column('state', sa.String(length=8), server_default='open', nullable=False),
        sa.Column('state_at', moment, nullable=True),
        sa.Column('state_by', sa.Uuid(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'resolved', 'ignored')", name=op.f('ck_error_groups_known_state')),
        sa.PrimaryKeyConstraint('fingerprint', name=op.f('pk_error_groups')),
    )
    op.create_index('ix_error_groups_seen', 'error_groups', ['last_seen_at'])
    op.create_table(
        'error_hours',
        sa.Column('fingerprint', sa.String(length=16), nullable=False),
        sa.Column('hour', moment, nullable=False),
        sa.Column('count', sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint('fingerprint', 'hour', name=op.f('pk_error_hours')),
    )
    op.create_table(
        'error_users',
        sa.Column('fingerprint', sa.String(length=16), nullable=False),
        sa.Column('user_id', sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint('fingerprint', 'user_id', name=op.f('pk_error_users')),
    )
    op.create_table(
        'job_errors',
        sa.Column('job_id', sa.Uuid(), nullable=False),
        sa.Column('fingerprint', sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ['job_id'], ['jobs.id'], name=op.f('fk_job_errors_job_id_jobs'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('job_id', name=op.f('pk_job_errors')),
    )
    op.create_index('ix_job_errors_fingerprint', 'job_errors', ['fingerprint', sa.text('job_id DESC')])
    op.create_index(
        'ix_jobs_ended_badly', 'jobs', ['finished_at'], sqlite_where=ENDED_BADLY, postgresql_where=ENDED_BADLY
    )
    for statement in MIRRORED[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    op.drop_index('ix_jobs_ended_badly', 'jobs')
    on_jobs = " ON jobs" if op.get_bind().dialect.name == "postgresql" else ""
    for trigger in TRIGGERS:
        op.execute(f"DROP TRIGGER {trigger}{on_jobs}")
    if on_jobs:
        op.execute("DROP FUNCTION mirror_endings()")
    for table in ('job_errors', 'error_users', 'error_hours', 'error_groups', 'runs', 'endings', 'cursors'):
        op.drop_table(table)
