"""Store presets of forms and favourite job types."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0030'
down_revision = '0029'


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        'form_presets',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('owner_id', sa.Uuid(), nullable=False),
        sa.Column('tenant', sa.String(length=80), nullable=True),
        sa.Column('type', sa.String(length=80), nullable=False),
        sa.Column('name', sa.String(length=60), nullable=False),
        sa.Column('content', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
        sa.Column('shared', sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column('created_at', moment, nullable=False),
        sa.ForeignKeyConstraint(
            ['owner_id'], ['users.id'], name=op.f('fk_form_presets_owner_id_users'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_form_presets')),
        sa.UniqueConstraint('owner_id', 'type', 'name', name='uq_form_presets_name'),
    )
    op.create_index('ix_form_presets_type', 'form_presets', ['type'])
    op.add_column('users', sa.Column('favourite_types', sa.Text(), server_default='', nullable=False))


def downgrade() -> None:
    op.drop_column('users', 'favourite_types')
    op.drop_table('form_presets')
