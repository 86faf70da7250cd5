"""Keep ended roots in one index by status instead of two."""

from webapp.db.concurrent_indexes import create_index, drop_index

revision = '0047'
down_revision = '0046'


def upgrade() -> None:
    create_index('ix_jobs_child_ended', 'jobs', ['status', 'id'], where='root_id IS NOT NULL AND finished_at IS NOT NULL')
    drop_index('ix_jobs_ended', 'jobs')


def downgrade() -> None:
    create_index('ix_jobs_ended', 'jobs', ['status', 'id'], where='finished_at IS NOT NULL')
    drop_index('ix_jobs_child_ended', 'jobs')
