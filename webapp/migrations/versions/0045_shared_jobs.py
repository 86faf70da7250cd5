"""Share jobs with a group."""

import sqlalchemy as sa
from alembic import op

revision = '0045'
down_revision = '0044'

SHARED = sa.text('shared_with IS NOT NULL')
SHARED_ROOT = sa.text('shared_with IS NOT NULL AND root_id IS NULL')
INDEXES = (
    ('ix_jobs_shared', ['shared_with', 'id'], SHARED),
    ('ix_jobs_root_shared', ['shared_with', 'id'], SHARED_ROOT),
    ('ix_jobs_root_shared_status', ['shared_with', 'status', 'id'], SHARED_ROOT),
)


def upgrade() -> None:
    op.add_column('jobs', sa.Column('shared_with', sa.String(80), nullable=True))
    for name, columns, where in INDEXES:
        op.create_index(name, 'jobs', columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name, *_ in INDEXES:
        op.drop_index(name, 'jobs')
    op.drop_column('jobs', 'shared_with')
