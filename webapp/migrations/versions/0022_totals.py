"""Count attempts, durations and events since the beginning, for monitoring."""

import sqlalchemy as sa
from alembic import op

revision = '0022'
down_revision = '0021'


def upgrade() -> None:
    op.create_table(
        'totals',
        sa.Column('measure', sa.String(length=8), nullable=False),
        sa.Column('type', sa.String(length=80), nullable=False),
        sa.Column('queue', sa.String(length=80), nullable=False),
        sa.Column('name', sa.String(length=40), nullable=False),
        sa.Column('bucket', sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column('count', sa.BigInteger(), nullable=False),
        sa.Column('seconds', sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint('measure', 'type', 'queue', 'name', 'bucket', name=op.f('pk_totals')),
    )


def downgrade() -> None:
    op.drop_table('totals')
