"""Store inbound webhooks and their messages."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0027'
down_revision = '0026'


def upgrade() -> None:
    json = sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')
    moment = sa.DateTime(timezone=True)
    op.create_table(
        'webhooks',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('name', sa.String(length=80), nullable=False),
        sa.Column('type', sa.String(length=80), nullable=False),
        sa.Column('account_id', sa.Uuid(), nullable=False),
        sa.Column('scheme', sa.String(length=8), nullable=False),
        sa.Column('header', sa.String(length=80), server_default='', nullable=False),
        sa.Column('mapping', json, nullable=False),
        sa.Column('id_path', sa.Text(), server_default='', nullable=False),
        sa.Column('window', sa.Integer(), nullable=False),
        sa.Column('max_bytes', sa.Integer(), nullable=False),
        sa.Column('per_minute', sa.Integer(), nullable=False),
        sa.Column('secret', json, nullable=False),
        sa.Column('old_secret', json, nullable=True),
        sa.Column('old_secret_until', moment, nullable=True),
        sa.Column('rotated_at', moment, nullable=True),
        sa.Column('disabled_at', moment, nullable=True),
        sa.Column('created_at', moment, nullable=False),
        sa.Column('created_by', sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ['account_id'], ['users.id'], name=op.f('fk_webhooks_account_id_users'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_webhooks')),
        sa.UniqueConstraint('name', name=op.f('uq_webhooks_name')),
    )
    counter = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
    op.create_table(
        'webhook_messages',
        sa.Column('id', counter, nullable=False),
        sa.Column('webhook_id', sa.Uuid(), nullable=False),
        sa.Column('at', moment, nullable=False),
        sa.Column('message_id', sa.String(length=128), server_default='', nullable=False),
        sa.Column('key', sa.String(length=128), server_default='', nullable=False),
        sa.Column('address', sa.String(length=64), server_default='', nullable=False),
        sa.Column('request_id', sa.String(length=64), server_default='', nullable=False),
        sa.Column('size', sa.Integer(), nullable=False),
        sa.Column('status', sa.Integer(), nullable=False),
        sa.Column('detail', sa.Text(), server_default='', nullable=False),
        sa.Column('job_id', sa.Uuid(), nullable=True),
        sa.Column('body', json, nullable=True),
        sa.Column('tried_again_at', moment, nullable=True),
        sa.ForeignKeyConstraint(
            ['webhook_id'], ['webhooks.id'], name=op.f('fk_webhook_messages_webhook_id_webhooks'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook_messages')),
    )
    op.create_index('ix_webhook_messages_webhook', 'webhook_messages', ['webhook_id', 'id'])


def downgrade() -> None:
    op.drop_table('webhook_messages')
    op.drop_table('webhooks')
