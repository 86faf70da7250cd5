"""Make indexes by age ascending: new jobs are appended, which keeps them a third smaller."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = '0013'
down_revision = '0012'

PUBLIC, WAITING, ENDED = (sa.text(words) for words in ("public", "status = 'queued'", "finished_at IS NOT NULL"))
INDEXES = {
    'ix_jobs_owner': (('owner_id', 'id'), None),
    'ix_jobs_owner_status': (('owner_id', 'status', 'id'), None),
    'ix_jobs_public': (('id',), PUBLIC),
    'ix_jobs_public_status': (('status', 'id'), PUBLIC),
    'ix_jobs_type': (('type', 'id'), None),
    'ix_jobs_ended': (('status', 'id'), ENDED),
    'ix_jobs_turn': (('queue', 'owner_id', 'priority', 'fair'), WAITING),
}


def make_again(direction: str) -> None:
    for name, (columns, which) in INDEXES.items():
        last: Any = sa.literal_column(f"{columns[-1]}{direction}")
        only: dict[str, Any] = {} if which is None else {'sqlite_where': which, 'postgresql_where': which}
        op.drop_index(name, 'jobs')
        op.create_index(name, 'jobs', [*columns[:-1], last], unique=False, **only)


def upgrade() -> None:
    make_again("")


def downgrade() -> None:
    make_again(" DESC")
