"""Index roots and children apart: lists show roots, however large their families are.

Two indexes of owners take the place of one, so each job is still in as many.
"""

from webapp.db.concurrent_indexes import create_index, drop_index

revision = '0018'
down_revision = '0017'

ROOT, CHILD = "root_id IS NULL", "root_id IS NOT NULL"
PUBLIC_ROOT = "public AND root_id IS NULL"
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
    for name, (columns, which) in INDEXES.items():
        create_index(name, 'jobs', columns, where=which)
    for name in WHOLE:
        drop_index(name, 'jobs')


def downgrade() -> None:
    for name, columns in WHOLE.items():
        create_index(name, 'jobs', columns)
    for name in INDEXES:
        drop_index(name, 'jobs')
