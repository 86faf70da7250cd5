"""Make indexes by age ascending: new jobs are appended, which keeps them a third smaller."""

from webapp.db.concurrent_indexes import replace_index

revision = '0013'
down_revision = '0012'

PUBLIC, WAITING, ENDED = "public", "status = 'queued'", "finished_at IS NOT NULL"
INDEXES = {
    'ix_jobs_owner': (('owner_id', 'id'), ""),
    'ix_jobs_owner_status': (('owner_id', 'status', 'id'), ""),
    'ix_jobs_public': (('id',), PUBLIC),
    'ix_jobs_public_status': (('status', 'id'), PUBLIC),
    'ix_jobs_type': (('type', 'id'), ""),
    'ix_jobs_ended': (('status', 'id'), ENDED),
    'ix_jobs_turn': (('queue', 'owner_id', 'priority', 'fair'), WAITING),
}


def make_again(direction: str) -> None:
    for name, (columns, which) in INDEXES.items():
        replace_index(name, 'jobs', [*columns[:-1], f"{columns[-1]}{direction}"], where=which)


def upgrade() -> None:
    make_again("")


def downgrade() -> None:
    make_again(" DESC")
