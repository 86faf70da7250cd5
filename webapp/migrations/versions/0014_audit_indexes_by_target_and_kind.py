"""Index the audit log by kind and by object separately; one index for both served neither query."""

import sqlalchemy as sa
from alembic import op

revision = '0014'
down_revision = '0013'


def upgrade() -> None:
    op.drop_index('ix_audit_object', 'audit')
    op.create_index('ix_audit_kind', 'audit', ['kind', sa.literal_column('id DESC')], unique=False)
    op.create_index('ix_audit_object', 'audit', ['object_id', sa.literal_column('id DESC')], unique=False)


def downgrade() -> None:
    op.drop_index('ix_audit_object', 'audit')
    op.drop_index('ix_audit_kind', 'audit')
    op.create_index('ix_audit_object', 'audit', ['kind', 'object_id', sa.literal_column('id DESC')], unique=False)
