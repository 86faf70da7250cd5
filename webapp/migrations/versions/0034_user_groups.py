"""Store groups of users, their members, and the job types that are only for members."""

import sqlalchemy as sa
from alembic import op

revision = '0034'
down_revision = '0033'


def upgrade() -> None:
    op.create_table(
        'user_groups',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('name', sa.String(length=120), nullable=False),
        sa.Column('description', sa.String(length=200), server_default='', nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_user_groups')),
        sa.UniqueConstraint('name', name=op.f('uq_user_groups_name')),
    )
    op.create_table(
        'group_members',
        sa.Column('group_id', sa.Uuid(), nullable=False),
        sa.Column('user_id', sa.Uuid(), nullable=False),
        sa.Column('by_hand', sa.Boolean(), server_default=sa.true(), nullable=False),
        _group_key('group_members'),
        sa.ForeignKeyConstraint(
            ['user_id'], ['users.id'], name=op.f('fk_group_members_user_id_users'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('group_id', 'user_id', 'by_hand', name=op.f('pk_group_members')),
    )
    op.create_index('ix_group_members_user', 'group_members', ['user_id'])
    op.create_table(
        'group_types',
        sa.Column('group_id', sa.Uuid(), nullable=False),
        sa.Column('type_name', sa.String(length=80), nullable=False),
        _group_key('group_types'),
        sa.PrimaryKeyConstraint('group_id', 'type_name', name=op.f('pk_group_types')),
    )


def downgrade() -> None:
    op.drop_table('group_types')
    op.drop_table('group_members')
    op.drop_table('user_groups')


def _group_key(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ['group_id'], ['user_groups.id'], name=op.f(f'fk_{table}_group_id_user_groups'), ondelete='CASCADE'
    )
