"""Add the questions of jobs to people, and whom a job asks."""

import sqlalchemy as sa
from alembic import op

from webapp.schema.columns import NullableJson, UtcDateTime

revision = '0041'
down_revision = '0040'


def upgrade() -> None:
    op.add_column('jobs', sa.Column('asked_of', sa.String(100), nullable=True))
    asks = sa.text('asked_of IS NOT NULL')
    op.create_index('ix_jobs_asks', 'jobs', ['asked_of', 'id'], sqlite_where=asks, postgresql_where=asks)
    op.create_table(
        'job_questions',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('job_id', sa.Uuid(), nullable=False),
        sa.Column('name', sa.String(80), nullable=False),
        sa.Column('text', sa.Text(), nullable=False),
        sa.Column('form', sa.String(200), nullable=False),
        sa.Column('asked_of', sa.String(100), nullable=False),
        sa.Column('default', NullableJson, nullable=True),
        sa.Column('asked_at', UtcDateTime(), nullable=False),
        sa.Column('ends_at', UtcDateTime(), nullable=True),
        sa.Column('remind_at', UtcDateTime(), nullable=True),
        sa.Column('remind_every', sa.Float(), nullable=True),
        sa.Column('reminders', sa.Integer(), server_default=sa.text('0'), nullable=False),
        sa.Column('state', sa.String(12), nullable=False),
        sa.Column('answer', NullableJson, nullable=True),
        sa.Column('answered_by', sa.Uuid(), nullable=True),
        sa.Column('closed_at', UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name='fk_job_questions_job_id_jobs', ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name='pk_job_questions'),
    )
    open_ = sa.text("state = 'open'")
    op.create_index('ix_job_questions_job', 'job_questions', ['job_id', 'id'])
    op.create_index(
        'uq_job_questions_open', 'job_questions', ['job_id'], unique=True, sqlite_where=open_, postgresql_where=open_
    )


def downgrade() -> None:
    op.drop_table('job_questions')
    op.drop_index('ix_jobs_asks', 'jobs')
    op.drop_column('jobs', 'asked_of')
