"""Store the accounts of single sign-on, and which sessions began with it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0028'
down_revision = '0027'


def upgrade() -> None:
    json = sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')
    moment = sa.DateTime(timezone=True)
    op.create_table(
        'identities',
        sa.Column('user_id', sa.Uuid(), nullable=False),
        sa.Column('issuer', sa.String(length=255), nullable=False),
        sa.Column('subject', sa.String(length=255), nullable=False),
        sa.Column('created_at', moment, nullable=False),
        sa.ForeignKeyConstraint(
            ['user_id'], ['users.id'], name=op.f('fk_identities_user_id_users'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('user_id', name=op.f('pk_identities')),
        sa.UniqueConstraint('issuer', 'subject', name=op.f('uq_identities_issuer_subject')),
    )
    op.add_column('sessions', sa.Column('signed_on', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column('sessions', sa.Column('id_token', json, nullable=True))


def downgrade() -> None:
    op.drop_column('sessions', 'id_token')
    op.drop_column('sessions', 'signed_on')
    op.drop_table('identities')
