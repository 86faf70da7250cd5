"""Count the starts that used up no attempt, and clear what unstarted jobs reported in an earlier attempt."""

import sqlalchemy as sa
from alembic import op

revision = '0015'
down_revision = '0014'


def upgrade() -> None:
    op.add_column('jobs', sa.Column('uncounted_attempts', sa.Integer(), server_default=sa.text('0'), nullable=False))
    op.execute(
        "UPDATE jobs SET progress = 0, done = NULL, total = NULL, message = '', started_at = NULL "
        "WHERE status IN ('queued', 'scheduled') AND started_at IS NOT NULL"
    )


def downgrade() -> None:
    op.drop_column('jobs', 'uncounted_attempts')
