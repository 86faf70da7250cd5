"""Add users' preferences: language, live updates, notifications."""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'


def upgrade() -> None:
    with op.batch_alter_table('users', schema=None) as batch_op:
        batch_op.add_column(sa.Column('language', sa.String(length=5), server_default='', nullable=False))
        batch_op.add_column(sa.Column('live_updates', sa.Boolean(), server_default=sa.true(), nullable=False))
        batch_op.add_column(sa.Column('notify', sa.String(length=7), server_default='always', nullable=False))


def downgrade() -> None:
    with op.batch_alter_table('users', schema=None) as batch_op:
        for name in ('notify', 'live_updates', 'language'):
            batch_op.drop_column(name)
