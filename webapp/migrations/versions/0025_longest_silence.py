"""Store the longest silence of each attempt, so that a stuck job can be distinguished from a quiet one."""

import sqlalchemy as sa
from alembic import op

revision = '0025'
down_revision = '0024'


def upgrade() -> None:
    op.add_column('attempts', sa.Column('longest_silence', sa.Float(), nullable=True))


def downgrade() -> None:
    op.drop_column('attempts', 'longest_silence')
