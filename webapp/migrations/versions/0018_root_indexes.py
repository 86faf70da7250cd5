"""Index jobs without their children: lists show roots, however large their families are."""

import sqlalchemy as sa
from alembic import op

revision = '0018'
down_revision = '0017'

ROOT, PUBLIC_ROOT = sa.text("root_id IS NULL"), sa.text("public AND root_id IS NULL")
INDEXES = {
    'ix_jobs_root_status': (('status', 'id'), ROOT),
    'ix_jobs_root_owner': (('owner_id', 'id'), ROOT),
    'ix_jobs_root_owner_status': (('owner_id', 'status', 'id'), ROOT),
    'ix_jobs_root_public': (('id',), PUBLIC_ROOT),
    'ix_jobs_root_public_status': (('status', 'id'), PUBLIC_ROOT),
}


def upgrade() -> None:
    for name, (columns, which) in INDEXES.items():
        op.create_index(name, 'jobs', list(columns), unique=False, sqlite_where=which, postgresql_where=which)


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, 'jobs')
