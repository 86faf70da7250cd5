"""Let notification rules be narrowed to a tag."""

import sqlalchemy as sa
from alembic import op

revision = '0035'
down_revision = '0034'


def upgrade() -> None:
    op.add_column('notification_rules', sa.Column('tag', sa.String(40), server_default='', nullable=False))


def downgrade() -> None:
    op.drop_column('notification_rules', 'tag')
