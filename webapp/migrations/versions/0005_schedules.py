"""Create schedules and their runs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0005'
down_revision = '0004'

json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
moment = sa.DateTime(timezone=True)
counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table('schedules',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('type', sa.String(length=80), nullable=False),
    sa.Column('payload', json, nullable=False),
    sa.Column('rule', sa.String(length=100), nullable=False),
    sa.Column('zone', sa.String(length=64), nullable=False),
    sa.Column('missed', sa.String(length=4), nullable=False),
    sa.Column('one_at_a_time', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('queue', sa.String(length=80), nullable=True),
    sa.Column('priority', sa.Integer(), nullable=True),
    sa.Column('owner_id', sa.Uuid(), nullable=True),
    sa.Column('public', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('tenant', sa.String(length=80), nullable=True),
    sa.Column('next_fire_at', moment, nullable=True),
    sa.Column('paused_at', moment, nullable=True),
    sa.Column('paused_by', sa.Uuid(), nullable=True),
    sa.Column('paused_why', sa.String(length=200), server_default='', nullable=False),
    sa.Column('created_at', moment, nullable=False),
    sa.Column('created_by', sa.Uuid(), nullable=True),
    sa.Column('changed_at', moment, nullable=True),
    sa.Column('changed_by', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.CheckConstraint("missed IN ('skip', 'once', 'all')", name=op.f('ck_schedules_known_policy')),
    sa.CheckConstraint('NOT public OR owner_id IS NULL', name=op.f('ck_schedules_only_system_jobs_are_public')),
    sa.CheckConstraint('paused_at IS NULL OR next_fire_at IS NULL', name=op.f('ck_schedules_a_paused_one_has_no_next_time')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_schedules')),
    sa.UniqueConstraint('name', name=op.f('uq_schedules_name'))
    )
    op.create_index('ix_schedules_due', 'schedules', ['next_fire_at'], unique=False, sqlite_where=sa.text('next_fire_at IS NOT NULL'), postgresql_where=sa.text('next_fire_at IS NOT NULL'))
    op.create_table('schedule_runs',
    sa.Column('id', counter, nullable=False),
    sa.Column('schedule_id', sa.Uuid(), nullable=False),
    sa.Column('fire_at', moment, nullable=False),
    sa.Column('fired_at', moment, nullable=False),
    sa.Column('outcome', sa.String(length=8), nullable=False),
    sa.Column('job_id', sa.Uuid(), nullable=True),
    sa.Column('asked_by', sa.Uuid(), nullable=True),
    sa.Column('detail', sa.Text(), server_default='', nullable=False),
    sa.CheckConstraint("(outcome = 'started') = (job_id IS NOT NULL)", name=op.f('ck_schedule_runs_a_started_one_has_a_job')),
    sa.ForeignKeyConstraint(['schedule_id'], ['schedules.id'], name=op.f('fk_schedule_runs_schedule_id_schedules'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_schedule_runs')),
    sa.UniqueConstraint('schedule_id', 'fire_at', name=op.f('uq_schedule_runs_schedule_id_fire_at'))
    )
    op.create_index('ix_schedule_runs_job', 'schedule_runs', ['job_id'], unique=False, sqlite_where=sa.text('job_id IS NOT NULL'), postgresql_where=sa.text('job_id IS NOT NULL'))


def downgrade() -> None:
    op.drop_table('schedule_runs')
    op.drop_table('schedules')
