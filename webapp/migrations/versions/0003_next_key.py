"""Add the unique key that a job is waiting for."""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'

WAITS = sa.text("next_key IS NOT NULL AND status = 'held'")


def upgrade() -> None:
    op.add_column('jobs', sa.Column('next_key', sa.String(length=200), nullable=True))
    op.create_index('ix_jobs_next_key', 'jobs', ['next_key'], sqlite_where=WAITS, postgresql_where=WAITS)


def downgrade() -> None:
    op.drop_index('ix_jobs_next_key', 'jobs')
    op.drop_column('jobs', 'next_key')
