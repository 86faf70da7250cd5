"""Store with an event which HTTP request and which trace it belongs to."""

import sqlalchemy as sa
from alembic import op

revision = '0023'
down_revision = '0022'


def upgrade() -> None:
    op.add_column('events', sa.Column('request_id', sa.String(length=64), nullable=True))
    op.add_column('events', sa.Column('trace_parent', sa.String(length=55), nullable=True))


def downgrade() -> None:
    op.drop_column('events', 'trace_parent')
    op.drop_column('events', 'request_id')
