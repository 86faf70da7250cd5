"""Count a root's lost children, which are failed ones too, because they are no progress."""

import sqlalchemy as sa
from alembic import op

revision = '0016'
down_revision = '0015'


def upgrade() -> None:
    op.add_column('jobs', sa.Column('parts_stale', sa.Integer(), server_default=sa.text('0'), nullable=False))
    op.execute(
        "UPDATE jobs SET parts_stale = "
        "(SELECT count(*) FROM jobs AS child WHERE child.root_id = jobs.id AND child.status = 'stale') "
        "WHERE parts_failed > 0"
    )


def downgrade() -> None:
    op.drop_column('jobs', 'parts_stale')
