"""Add tags to jobs and schedules, with indexes of the tagged jobs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

json = sa.JSON().with_variant(JSONB(), 'postgresql')

revision = '0033'
down_revision = '0032'


def upgrade() -> None:
    for table in ('jobs', 'schedules'):
        op.add_column(table, sa.Column('tags', json, nullable=True))
    tagged = sa.text('tags IS NOT NULL')
    op.create_index('ix_jobs_tagged', 'jobs', ['id'], sqlite_where=tagged, postgresql_where=tagged)
    if op.get_context().dialect.name == 'postgresql':
        op.create_index('ix_jobs_tags', 'jobs', ['tags'], postgresql_using='gin', postgresql_where=tagged)


def downgrade() -> None:
    if op.get_context().dialect.name == 'postgresql':
        op.drop_index('ix_jobs_tags', 'jobs')
    op.drop_index('ix_jobs_tagged', 'jobs')
    for table in ('schedules', 'jobs'):
        op.drop_column(table, 'tags')
