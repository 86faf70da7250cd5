"""Keep ended roots in one index by status instead of two."""

import sqlalchemy as sa
from alembic import op

revision = '0047'
down_revision = '0046'


def upgrade() -> None:
    ended = sa.text('root_id IS NOT NULL AND finished_at IS NOT NULL')
    op.create_index('ix_jobs_child_ended', 'jobs', ['status', 'id'], sqlite_where=ended, postgresql_where=ended)
    op.drop_index('ix_jobs_ended', 'jobs')


def downgrade() -> None:
    ended = sa.text('finished_at IS NOT NULL')
    op.create_index('ix_jobs_ended', 'jobs', ['status', 'id'], sqlite_where=ended, postgresql_where=ended)
    op.drop_index('ix_jobs_child_ended', 'jobs')
