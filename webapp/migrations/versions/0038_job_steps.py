"""Keep the results of the steps of jobs."""

import sqlalchemy as sa
from alembic import op

from webapp.schema.columns import Json, UtcDateTime

revision = '0038'
down_revision = '0037'


def upgrade() -> None:
    op.create_table(
        'job_steps',
        sa.Column('job_id', sa.Uuid(), nullable=False),
        sa.Column('name', sa.String(80), nullable=False),
        sa.Column('place', sa.Integer(), nullable=False),
        sa.Column('attempt', sa.Integer(), nullable=False),
        sa.Column('started_at', UtcDateTime(), nullable=False),
        sa.Column('finished_at', UtcDateTime(), nullable=False),
        sa.Column('result', Json, nullable=False),
        sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name='fk_job_steps_job_id_jobs', ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('job_id', 'name', name='pk_job_steps'),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table('job_steps')
