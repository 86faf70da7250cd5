"""Keep the launches of jobs that run in processes of other systems."""

import sqlalchemy as sa
from alembic import op

from webapp.schema.columns import UtcDateTime

revision = '0042'
down_revision = '0041'


def upgrade() -> None:
    op.create_table(
        'launches',
        sa.Column('job_id', sa.Uuid(), nullable=False),
        sa.Column('attempt', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('lease_id', sa.Uuid(), nullable=False),
        sa.Column('queue', sa.String(80), nullable=False),
        sa.Column('host', sa.String(255), nullable=False),
        sa.Column('launched_at', UtcDateTime(), nullable=False),
        sa.Column('begin_by', UtcDateTime(), nullable=False),
        sa.Column('begun_at', UtcDateTime(), nullable=True),
        sa.Column('ended_at', UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name='fk_launches_job_id_jobs', ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('job_id', 'attempt', name='pk_launches'),
        sqlite_with_rowid=False,
    )
    is_open = sa.text('ended_at IS NULL')
    op.create_index('ix_launches_open', 'launches', ['queue'], sqlite_where=is_open, postgresql_where=is_open)


def downgrade() -> None:
    op.drop_table('launches')
