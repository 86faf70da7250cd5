"""Share jobs with a group."""

import sqlalchemy as sa
from alembic import op

from webapp.db.concurrent_indexes import create_index, drop_index

revision = '0045'
down_revision = '0044'

SHARED = 'shared_with IS NOT NULL'
SHARED_ROOT = 'shared_with IS NOT NULL AND root_id IS NULL'
INDEXES = (
    ('ix_jobs_shared', ['shared_with', 'id'], SHARED),
    ('ix_jobs_root_shared', ['shared_with', 'id'], SHARED_ROOT),
    ('ix_jobs_root_shared_status', ['shared_with', 'status', 'id'], SHARED_ROOT),
)


def upgrade() -> None:
    repeatable = op.get_context().dialect.name == 'postgresql'  # where the column is committed before its indexes
    op.add_column('jobs', sa.Column('shared_with', sa.String(80), nullable=True), if_not_exists=repeatable)
    for name, columns, where in INDEXES:
        create_index(name, 'jobs', columns, where=where)


def downgrade() -> None:
    for name, *_ in INDEXES:
        drop_index(name, 'jobs')
    op.drop_column('jobs', 'shared_with')
