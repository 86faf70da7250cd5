"""Store the filters that users save, and the columns that they choose for the list of jobs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0026'
down_revision = '0025'


def upgrade() -> None:
    op.create_table(
        'saved_filters',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('owner_id', sa.Uuid(), nullable=False),
        sa.Column('tenant', sa.String(length=80), nullable=True),
        sa.Column('name', sa.String(length=60), nullable=False),
        sa.Column('arguments', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
        sa.Column('shared', sa.Boolean(), server_default=sa.text('false'), nullable=False),
        sa.Column('of_all_users', sa.Boolean(), server_default=sa.text('false'), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ['owner_id'], ['users.id'], name=op.f('fk_saved_filters_owner_id_users'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_saved_filters')),
        sa.UniqueConstraint('owner_id', 'name', name='uq_saved_filters_name'),
    )
    op.create_index(
        'ix_saved_filters_shared',
        'saved_filters',
        ['tenant'],
        sqlite_where=sa.text('shared'),
        postgresql_where=sa.text('shared'),
    )
    op.add_column('users', sa.Column('list_columns', sa.String(length=200), server_default='', nullable=False))


def downgrade() -> None:
    op.drop_column('users', 'list_columns')
    op.drop_table('saved_filters')
