"""Record which jobs form a flow, and which dependents wait for the retry of a failed predecessor."""

import sqlalchemy as sa
from alembic import op

from webapp.schema.columns import UtcDateTime

revision = '0040'
down_revision = '0039'


def upgrade() -> None:
    op.create_table(
        'flows',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('title', sa.String(200), nullable=False),
        sa.Column('owner_id', sa.Uuid(), nullable=True),
        sa.Column('public', sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column('tenant', sa.String(80), nullable=True),
        sa.Column('triggered_by', sa.Uuid(), nullable=True),
        sa.Column('started_by_job', sa.Uuid(), nullable=True),
        sa.Column('request_key', sa.String(280), nullable=True),
        sa.Column('created_at', UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_flows'),
    )
    op.create_index('uq_flows_request_key', 'flows', ['request_key'], unique=True)
    op.create_table(
        'flow_jobs',
        sa.Column('job_id', sa.Uuid(), nullable=False),
        sa.Column('flow_id', sa.Uuid(), nullable=False),
        sa.Column('name', sa.String(200), nullable=False),
        sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name='fk_flow_jobs_job_id_jobs', ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['flow_id'], ['flows.id'], name='fk_flow_jobs_flow_id_flows', ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('job_id', name='pk_flow_jobs'),
        sqlite_with_rowid=False,
    )
    op.create_index('uq_flow_jobs_name', 'flow_jobs', ['flow_id', 'name'], unique=True)
    op.add_column('dependencies', sa.Column('waits', sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column('dependencies', 'waits')
    op.drop_table('flow_jobs')
    op.drop_table('flows')
