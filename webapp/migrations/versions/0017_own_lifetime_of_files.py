"""Remember how long a file of its own lifetime is kept, so that unpinning its job restores that lifetime."""

import sqlalchemy as sa
from alembic import op

revision = '0017'
down_revision = '0016'


def upgrade() -> None:
    op.add_column('attachments', sa.Column('keep_seconds', sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column('attachments', 'keep_seconds')
