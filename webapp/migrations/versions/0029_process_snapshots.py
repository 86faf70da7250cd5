"""Store what the processes of running jobs do when an operator asks."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0029'
down_revision = '0028'


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        'process_snapshots',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('job_id', sa.Uuid(), nullable=False),
        sa.Column('attempt', sa.Integer(), nullable=False),
        sa.Column('worker', sa.String(length=80), nullable=False),
        sa.Column('host', sa.String(length=255), nullable=False),
        sa.Column('requested_at', moment, nullable=False),
        sa.Column('requested_by', sa.Uuid(), nullable=True),
        sa.Column('taken_at', moment, nullable=True),
        sa.Column('content', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=True),
        sa.ForeignKeyConstraint(
            ['job_id'], ['jobs.id'], name=op.f('fk_process_snapshots_job_id_jobs'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_process_snapshots')),
    )
    op.create_index('ix_process_snapshots_job', 'process_snapshots', ['job_id'])
    op.add_column('workers', sa.Column('snapshot_id', sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column('workers', 'snapshot_id')
    op.drop_table('process_snapshots')
