"""Find public jobs by their tags on PostgreSQL."""

from alembic import op

from webapp.db.concurrent_indexes import create_index, drop_index

revision = '0046'
down_revision = '0045'


def upgrade() -> None:
    if op.get_context().dialect.name == 'postgresql':
        create_index('ix_jobs_public_tagged', 'jobs', ['id'], where='public AND tags IS NOT NULL')


def downgrade() -> None:
    if op.get_context().dialect.name == 'postgresql':
        drop_index('ix_jobs_public_tagged', 'jobs')
