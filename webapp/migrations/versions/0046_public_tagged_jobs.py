"""Find public jobs by their tags on PostgreSQL."""

import sqlalchemy as sa
from alembic import op

revision = '0046'
down_revision = '0045'


def upgrade() -> None:
    if op.get_context().dialect.name == 'postgresql':
        where = sa.text('public AND tags IS NOT NULL')
        op.create_index('ix_jobs_public_tagged', 'jobs', ['id'], postgresql_where=where)


def downgrade() -> None:
    if op.get_context().dialect.name == 'postgresql':
        op.drop_index('ix_jobs_public_tagged', 'jobs')
