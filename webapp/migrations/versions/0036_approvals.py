"""Add the approval of jobs, and who last changed their input."""

import sqlalchemy as sa
from alembic import op

from webapp.schema.columns import UtcDateTime

revision = '0036'
down_revision = '0035'


def upgrade() -> None:
    op.add_column('jobs', sa.Column('approval', sa.String(12), nullable=True))
    op.add_column('jobs', sa.Column('approval_ends_at', UtcDateTime(), nullable=True))
    op.add_column('jobs', sa.Column('edited_by', sa.Uuid(), nullable=True))
    needed = sa.text('approval IS NOT NULL')
    op.create_index('ix_jobs_approval', 'jobs', ['status', 'id'], sqlite_where=needed, postgresql_where=needed)


def downgrade() -> None:
    op.drop_index('ix_jobs_approval', 'jobs')
    for column in ('edited_by', 'approval_ends_at', 'approval'):
        op.drop_column('jobs', column)
