"""Add rules for notifications by mail, webhook and chat, their delivery log, and what they have reported."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0024'
down_revision = '0023'

json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
OPEN = sa.text("status IN ('collecting', 'queued')")


def upgrade() -> None:
    op.create_table('notification_rules',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=True),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('topics', sa.String(length=200), nullable=False),
    sa.Column('whose', sa.String(length=8), server_default='own', nullable=False),
    sa.Column('owner_id', sa.Uuid(), nullable=True),
    sa.Column('type', sa.String(length=80), server_default='', nullable=False),
    sa.Column('queue', sa.String(length=80), server_default='', nullable=False),
    sa.Column('seconds', sa.Integer(), nullable=True),
    sa.Column('due_time', sa.String(length=5), server_default='', nullable=False),
    sa.Column('quiet_from', sa.String(length=5), server_default='', nullable=False),
    sa.Column('quiet_until', sa.String(length=5), server_default='', nullable=False),
    sa.Column('zone', sa.String(length=64), server_default='', nullable=False),
    sa.Column('language', sa.String(length=5), server_default='', nullable=False),
    sa.Column('channel', sa.String(length=8), nullable=False),
    sa.Column('recipients', sa.Text(), server_default='', nullable=False),
    sa.Column('address', json, nullable=True),
    sa.Column('shown_address', sa.String(length=255), server_default='', nullable=False),
    sa.Column('signing_key', json, nullable=True),
    sa.Column('enabled', sa.Boolean(), server_default=sa.true(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by', sa.Uuid(), nullable=True),
    sa.Column('last_sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_notification_rules_user_id_users'),
                            ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notification_rules')))
    op.create_index('ix_notification_rules_user', 'notification_rules', ['user_id'])
    op.create_table('notification_deliveries',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('rule_id', sa.Uuid(), nullable=True),
    sa.Column('rule_name', sa.String(length=120), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=True),
    sa.Column('channel', sa.String(length=8), nullable=False),
    sa.Column('shown_address', sa.Text(), server_default='', nullable=False),
    sa.Column('status', sa.String(length=10), nullable=False),
    sa.Column('facts', json, nullable=False),
    sa.Column('event_count', sa.Integer(), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('attempts', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('error', sa.Text(), server_default='', nullable=False),
    sa.Column('job_id', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['rule_id'], ['notification_rules.id'],
                            name=op.f('fk_notification_deliveries_rule_id_notification_rules'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_notification_deliveries_user_id_users'),
                            ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notification_deliveries')))
    op.create_index('ix_notification_deliveries_open', 'notification_deliveries', ['status', 'due_at'],
                    sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index('ix_notification_deliveries_rule', 'notification_deliveries', ['rule_id', 'id'])
    op.create_index('ix_notification_deliveries_user', 'notification_deliveries', ['user_id', 'id'])
    op.create_table('notification_marks',
    sa.Column('rule_id', sa.Uuid(), nullable=False),
    sa.Column('key', sa.String(length=200), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['rule_id'], ['notification_rules.id'],
                            name=op.f('fk_notification_marks_rule_id_notification_rules'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('rule_id', 'key', name=op.f('pk_notification_marks')),
    sqlite_with_rowid=False)


def downgrade() -> None:
    for table in ('notification_marks', 'notification_deliveries', 'notification_rules'):
        op.drop_table(table)
