"""Create the first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = '0001'
down_revision = None

json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
COMPLETED_IS_FINAL = {
    "sqlite": (
        """CREATE TRIGGER completed_is_final BEFORE UPDATE OF status ON jobs
           WHEN OLD.status = 'completed' AND NEW.status <> 'completed'
           BEGIN SELECT RAISE(ABORT, 'a completed job is final'); END""",
    ),
    "postgresql": (
        """CREATE FUNCTION completed_is_final() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE EXCEPTION 'a completed job is final'; END $$""",
        """CREATE TRIGGER completed_is_final BEFORE UPDATE OF status ON jobs FOR EACH ROW
           WHEN (OLD.status = 'completed' AND NEW.status <> 'completed')
           EXECUTE FUNCTION completed_is_final()""",
    ),
}


def upgrade() -> None:
    op.create_table('jobs',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('type', sa.String(length=80), nullable=False),
    sa.Column('title', sa.String(length=200), nullable=False),
    sa.Column('status', sa.String(length=12), nullable=False),
    sa.Column('queue', sa.String(length=80), nullable=False),
    sa.Column('priority', sa.Integer(), nullable=False),
    sa.Column('fair', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('own_process', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('owner_id', sa.Uuid(), nullable=True),
    sa.Column('public', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('tenant', sa.String(length=80), nullable=True),
    sa.Column('triggered_by', sa.Uuid(), nullable=True),
    sa.Column('payload', json, nullable=False),
    sa.Column('progress', sa.Float(), server_default=sa.text('0'), nullable=False),
    sa.Column('done', sa.Float(), nullable=True),
    sa.Column('total', sa.Float(), nullable=True),
    sa.Column('message', sa.Text(), server_default='', nullable=False),
    sa.Column('warnings', json, server_default='[]', nullable=False),
    sa.Column('errors', json, server_default='[]', nullable=False),
    sa.Column('metadata', json, server_default='{}', nullable=False),
    sa.Column('state', json, server_default='{}', nullable=False),
    sa.Column('run_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('unique_key', sa.String(length=200), nullable=True),
    sa.Column('root_id', sa.Uuid(), nullable=True),
    sa.Column('child_name', sa.String(length=200), nullable=True),
    sa.Column('parts', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('parts_completed', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('parts_failed', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('parts_cancelled', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('tolerant', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('has_dependents', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('record_only', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('again_of', sa.Uuid(), nullable=True),
    sa.Column('attempt', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('max_attempts', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.Column('lease_id', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('heartbeat_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('cancel_requested_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('cancel_kind', sa.String(length=12), nullable=True),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.CheckConstraint("lease_id IS NULL OR status = 'running'", name=op.f('ck_jobs_only_running_jobs_are_leased')),
    sa.CheckConstraint('NOT public OR owner_id IS NULL', name=op.f('ck_jobs_only_system_jobs_are_public')),
    sa.ForeignKeyConstraint(['root_id'], ['jobs.id'], name=op.f('fk_jobs_root_id_jobs'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_jobs'))
    )
    with op.batch_alter_table('jobs', schema=None) as batch_op:
        batch_op.create_index('ix_jobs_again', ['again_of'], unique=False, sqlite_where=sa.text('again_of IS NOT NULL'), postgresql_where=sa.text('again_of IS NOT NULL'))
        batch_op.create_index('ix_jobs_claim', ['queue', sa.literal_column('priority DESC'), 'fair', 'id'], unique=False, sqlite_where=sa.text("status = 'queued'"), postgresql_where=sa.text("status = 'queued'"))
        batch_op.create_index('ix_jobs_due', ['run_at'], unique=False, sqlite_where=sa.text("status = 'scheduled'"), postgresql_where=sa.text("status = 'scheduled'"))
        batch_op.create_index('ix_jobs_finished', ['finished_at'], unique=False, sqlite_where=sa.text('finished_at IS NOT NULL'), postgresql_where=sa.text('finished_at IS NOT NULL'))
        batch_op.create_index('ix_jobs_lease', ['lease_id'], unique=False, sqlite_where=sa.text('lease_id IS NOT NULL'), postgresql_where=sa.text('lease_id IS NOT NULL'))
        batch_op.create_index('ix_jobs_owner', ['owner_id', sa.literal_column('id DESC')], unique=False)
        batch_op.create_index('ix_jobs_owner_status', ['owner_id', 'status', sa.literal_column('id DESC')], unique=False)
        batch_op.create_index('ix_jobs_public', [sa.literal_column('id DESC')], unique=False, sqlite_where=sa.text('public'), postgresql_where=sa.text('public'))
        batch_op.create_index('ix_jobs_public_status', ['status', sa.literal_column('id DESC')], unique=False, sqlite_where=sa.text('public'), postgresql_where=sa.text('public'))
        batch_op.create_index('ix_jobs_root', ['root_id'], unique=False, sqlite_where=sa.text('root_id IS NOT NULL'), postgresql_where=sa.text('root_id IS NOT NULL'))
        batch_op.create_index('ix_jobs_running', ['queue', 'type', 'owner_id'], unique=False, sqlite_where=sa.text("status = 'running'"), postgresql_where=sa.text("status = 'running'"))
        batch_op.create_index('ix_jobs_turn', ['queue', 'owner_id', 'priority', sa.literal_column('fair DESC')], unique=False, sqlite_where=sa.text("status = 'queued'"), postgresql_where=sa.text("status = 'queued'"))
        batch_op.create_index('ix_jobs_type', ['type', sa.literal_column('id DESC')], unique=False)
        batch_op.create_index('ix_jobs_unfinished', ['status', 'id'], unique=False, sqlite_where=sa.text("status IN ('held', 'scheduled', 'queued', 'running', 'waiting')"), postgresql_where=sa.text("status IN ('held', 'scheduled', 'queued', 'running', 'waiting')"))
        batch_op.create_index('uq_jobs_child_name', ['root_id', 'child_name'], unique=True, sqlite_where=sa.text('child_name IS NOT NULL'), postgresql_where=sa.text('child_name IS NOT NULL'))
        batch_op.create_index('uq_jobs_unique_key', ['unique_key'], unique=True, sqlite_where=sa.text("unique_key IS NOT NULL AND status IN ('held', 'scheduled', 'queued', 'running', 'waiting')"), postgresql_where=sa.text("unique_key IS NOT NULL AND status IN ('held', 'scheduled', 'queued', 'running', 'waiting')"))

    op.create_table('leases',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('host', sa.String(length=255), nullable=False),
    sa.Column('boot_id', sa.String(length=64), nullable=False),
    sa.Column('worker', sa.String(length=80), nullable=False),
    sa.Column('worker_pid', sa.Integer(), nullable=False),
    sa.Column('queue', sa.String(length=80), nullable=False),
    sa.Column('beat', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('beat_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_leases'))
    )
    op.create_table('queues',
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('paused_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('paused_by', sa.Uuid(), nullable=True),
    sa.Column('reason', sa.String(length=200), server_default='', nullable=False),
    sa.Column('max_running', sa.Integer(), nullable=True),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_queues'))
    )
    op.create_table('users',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('full_name', sa.String(length=120), server_default='', nullable=False),
    sa.Column('email', sa.String(length=254), nullable=True),
    sa.Column('password_hash', sa.String(length=255), nullable=False),
    sa.Column('role', sa.String(length=10), nullable=False),
    sa.Column('active', sa.Boolean(), server_default=sa.true(), nullable=False),
    sa.Column('tenant', sa.String(length=80), nullable=True),
    sa.Column('theme', sa.String(length=6), server_default='system', nullable=False),
    sa.Column('timezone', sa.String(length=64), server_default='', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('imported_by', sa.Uuid(), nullable=True),
    sa.CheckConstraint("role IN ('user', 'auditor', 'operator', 'admin')", name=op.f('ck_users_known_role')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_users')),
    sa.UniqueConstraint('name', name=op.f('uq_users_name'))
    )
    op.create_table('attachments',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('job_id', sa.Uuid(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('role', sa.String(length=6), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('media_type', sa.String(length=127), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("role IN ('input', 'output')", name=op.f('ck_attachments_known_role')),
    sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name=op.f('fk_attachments_job_id_jobs'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_attachments'))
    )
    with op.batch_alter_table('attachments', schema=None) as batch_op:
        batch_op.create_index('ix_attachments_job', ['job_id', 'id'], unique=False)

    op.create_table('attempts',
    sa.Column('job_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('outcome', sa.String(length=12), nullable=False),
    sa.Column('worker', sa.String(length=80), nullable=False),
    sa.Column('host', sa.String(length=255), nullable=False),
    sa.Column('pid', sa.Integer(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('error', sa.Text(), nullable=True),
    sa.Column('traceback', sa.Text(), nullable=True),
    sa.Column('peak_memory', sa.BigInteger(), nullable=True),
    sa.Column('cpu_seconds', sa.Float(), nullable=True),
    sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name=op.f('fk_attempts_job_id_jobs'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('job_id', 'number', name=op.f('pk_attempts')),
    sqlite_with_rowid=False
    )
    op.create_table('dependencies',
    sa.Column('job_id', sa.Uuid(), nullable=False),
    sa.Column('after_id', sa.Uuid(), nullable=False),
    sa.Column('only_on_success', sa.Boolean(), server_default=sa.true(), nullable=False),
    sa.ForeignKeyConstraint(['after_id'], ['jobs.id'], name=op.f('fk_dependencies_after_id_jobs'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name=op.f('fk_dependencies_job_id_jobs'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('job_id', 'after_id', name=op.f('pk_dependencies'))
    )
    with op.batch_alter_table('dependencies', schema=None) as batch_op:
        batch_op.create_index('ix_dependencies_after', ['after_id'], unique=False)

    op.create_table('events',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('job_id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('actor_id', sa.Uuid(), nullable=True),
    sa.Column('detail', sa.Text(), server_default='', nullable=False),
    sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name=op.f('fk_events_job_id_jobs'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_events'))
    )
    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.create_index('ix_events_job', ['job_id', 'id'], unique=False)

    op.create_table('log_lines',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('job_id', sa.Uuid(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('level', sa.String(length=10), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name=op.f('fk_log_lines_job_id_jobs'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_log_lines'))
    )
    with op.batch_alter_table('log_lines', schema=None) as batch_op:
        batch_op.create_index('ix_log_lines_job', ['job_id', 'id'], unique=False)

    op.create_table('sessions',
    sa.Column('token_hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('address', sa.String(length=64), server_default='', nullable=False),
    sa.Column('user_agent', sa.String(length=200), server_default='', nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_sessions_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_sessions'))
    )
    with op.batch_alter_table('sessions', schema=None) as batch_op:
        batch_op.create_index('ix_sessions_user', ['user_id'], unique=False)

    for statement in COMPLETED_IS_FINAL[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    with op.batch_alter_table('sessions', schema=None) as batch_op:
        batch_op.drop_index('ix_sessions_user')

    op.drop_table('sessions')
    with op.batch_alter_table('log_lines', schema=None) as batch_op:
        batch_op.drop_index('ix_log_lines_job')

    op.drop_table('log_lines')
    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.drop_index('ix_events_job')

    op.drop_table('events')
    with op.batch_alter_table('dependencies', schema=None) as batch_op:
        batch_op.drop_index('ix_dependencies_after')

    op.drop_table('dependencies')
    op.drop_table('attempts')
    with op.batch_alter_table('attachments', schema=None) as batch_op:
        batch_op.drop_index('ix_attachments_job')

    op.drop_table('attachments')
    op.drop_table('users')
    op.drop_table('queues')
    op.drop_table('leases')
    with op.batch_alter_table('jobs', schema=None) as batch_op:
        batch_op.drop_index('uq_jobs_unique_key', sqlite_where=sa.text("unique_key IS NOT NULL AND status IN ('held', 'scheduled', 'queued', 'running', 'waiting')"), postgresql_where=sa.text("unique_key IS NOT NULL AND status IN ('held', 'scheduled', 'queued', 'running', 'waiting')"))
        batch_op.drop_index('uq_jobs_child_name', sqlite_where=sa.text('child_name IS NOT NULL'), postgresql_where=sa.text('child_name IS NOT NULL'))
        batch_op.drop_index('ix_jobs_unfinished', sqlite_where=sa.text("status IN ('held', 'scheduled', 'queued', 'running', 'waiting')"), postgresql_where=sa.text("status IN ('held', 'scheduled', 'queued', 'running', 'waiting')"))
        batch_op.drop_index('ix_jobs_type')
        batch_op.drop_index('ix_jobs_turn', sqlite_where=sa.text("status = 'queued'"), postgresql_where=sa.text("status = 'queued'"))
        batch_op.drop_index('ix_jobs_running', sqlite_where=sa.text("status = 'running'"), postgresql_where=sa.text("status = 'running'"))
        batch_op.drop_index('ix_jobs_root', sqlite_where=sa.text('root_id IS NOT NULL'), postgresql_where=sa.text('root_id IS NOT NULL'))
        batch_op.drop_index('ix_jobs_public_status', sqlite_where=sa.text('public'), postgresql_where=sa.text('public'))
        batch_op.drop_index('ix_jobs_public', sqlite_where=sa.text('public'), postgresql_where=sa.text('public'))
        batch_op.drop_index('ix_jobs_owner_status')
        batch_op.drop_index('ix_jobs_owner')
        batch_op.drop_index('ix_jobs_lease', sqlite_where=sa.text('lease_id IS NOT NULL'), postgresql_where=sa.text('lease_id IS NOT NULL'))
        batch_op.drop_index('ix_jobs_finished', sqlite_where=sa.text('finished_at IS NOT NULL'), postgresql_where=sa.text('finished_at IS NOT NULL'))
        batch_op.drop_index('ix_jobs_due', sqlite_where=sa.text("status = 'scheduled'"), postgresql_where=sa.text("status = 'scheduled'"))
        batch_op.drop_index('ix_jobs_claim', sqlite_where=sa.text("status = 'queued'"), postgresql_where=sa.text("status = 'queued'"))
        batch_op.drop_index('ix_jobs_again', sqlite_where=sa.text('again_of IS NOT NULL'), postgresql_where=sa.text('again_of IS NOT NULL'))

    op.drop_table('jobs')
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION completed_is_final()")
