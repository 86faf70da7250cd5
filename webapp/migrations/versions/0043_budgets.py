"""Limit what the jobs of a user can use in a month."""

import sqlalchemy as sa
from alembic import op

from webapp.schema.columns import UtcDateTime

revision = '0043'
down_revision = '0042'


def upgrade() -> None:
    op.create_table(
        'budgets',
        sa.Column('subject', sa.String(60), nullable=False),
        sa.Column('jobs', sa.BigInteger(), nullable=True),
        sa.Column('cpu_seconds', sa.Float(), nullable=True),
        sa.Column('memory_gb_hours', sa.Float(), nullable=True),
        sa.Column('changed_at', UtcDateTime(), nullable=False),
        sa.Column('changed_by', sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint('subject', name='pk_budgets'),
    )
    op.create_table(
        'budget_usage',
        sa.Column('user_id', sa.Uuid(), nullable=False),
        sa.Column('month', sa.String(7), nullable=False),
        sa.Column('jobs', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
        sa.Column('cpu_seconds', sa.Float(), server_default=sa.text('0'), nullable=False),
        sa.Column('memory_gb_hours', sa.Float(), server_default=sa.text('0'), nullable=False),
        sa.Column('since', UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint('user_id', 'month', name='pk_budget_usage'),
    )


def downgrade() -> None:
    op.drop_table('budget_usage')
    op.drop_table('budgets')
