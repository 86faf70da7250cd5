"""Add the key of each job's rate, the starts that rates count, and what waits for them."""

import sqlalchemy as sa
from alembic import op

revision = '0037'
down_revision = '0036'


def upgrade() -> None:
    op.add_column('jobs', sa.Column('rate_key', sa.String(240), nullable=True))
    rated = sa.text("status = 'queued' AND rate_key IS NOT NULL")
    waiting = sa.text("status = 'scheduled' AND run_at IS NULL AND rate_key IS NOT NULL")
    op.create_index('ix_jobs_rated', 'jobs', ['queue', 'rate_key'], sqlite_where=rated, postgresql_where=rated)
    op.create_index(
        'ix_jobs_waiting_for_rate',
        'jobs',
        ['rate_key', 'queue', sa.text('priority DESC'), 'fair', 'id'],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    at = sa.DateTime(timezone=True)
    op.create_table(
        'rate_starts',
        sa.Column('rate_key', sa.String(240), nullable=False),
        sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('type', sa.String(80), nullable=False),
        sa.Column('job_id', sa.Uuid(), nullable=False),
        sa.Column('started_at', at, nullable=False),
        sa.Column('most', sa.Integer(), nullable=False),
        sa.Column('seconds', sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint('rate_key', 'number', name=op.f('pk_rate_starts')),
    )
    op.create_index('ix_rate_starts_type', 'rate_starts', ['type', 'started_at'])
    op.create_table(
        'rate_waits',
        sa.Column('rate_key', sa.String(240), nullable=False),
        sa.Column('next_at', at, nullable=False),
        sa.PrimaryKeyConstraint('rate_key', name=op.f('pk_rate_waits')),
    )
    op.create_index('ix_rate_waits_next_at', 'rate_waits', ['next_at'])


def downgrade() -> None:
    op.drop_table('rate_waits')
    op.drop_table('rate_starts')
    op.drop_index('ix_jobs_waiting_for_rate', 'jobs')
    op.drop_index('ix_jobs_rated', 'jobs')
    op.drop_column('jobs', 'rate_key')
