"""Index roots and children apart: lists show roots, however large their families are.

Two indexes of owners take the place of one, so each job is still in as many.
"""

import sqlalchemy as sa
from alembic import op

revision = '0018'
down_revision = '0017'

ROOT, CHILD = sa.text("root_id IS NULL"), sa.text("root_id IS NOT NULL")
PUBLIC_ROOT = sa.text("public AND root_id IS NULL")
INDEXES = {
    'ix_jobs_root_status': (('status', 'id'), ROOT),
    'ix_jobs_root_owner': (('owner_id', 'id'), ROOT),
    'ix_jobs_root_owner_status': (('owner_id', 'status', 'id'), ROOT),
    'ix_jobs_child_owner': (('owner_id', 'id'), CHILD),
    'ix_jobs_child_owner_status': (('owner_id', 'status', 'id'), CHILD),
    'ix_jobs_root_public': (('id',), PUBLIC_ROOT),
    'ix_jobs_root_public_status': (('status', 'id'), PUBLIC_ROOT),
}
WHOLE = {'ix_jobs_owner': ('owner_id', 'id'), 'ix_jobs_owner_status': ('owner_id', 'status', 'id')}


def upgrade() -> None:
    for name in WHOLE:
        op.drop_index(name, 'jobs')
    for name, (columns, which) in INDEXES.items():
        op.create_index(name, 'jobs', list(columns), unique=False, sqlite_where=which, postgresql_where=which)


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, 'jobs')
    for name, columns in WHOLE.items():
        op.create_index(name, 'jobs', list(columns), unique=False)
