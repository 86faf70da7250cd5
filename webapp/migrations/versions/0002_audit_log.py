"""Create the audit log."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0002'
down_revision = '0001'

json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
ONLY_GROWS = {
    "sqlite": (
        """CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
           BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END""",
        """CREATE TRIGGER audit_is_never_removed BEFORE DELETE ON audit
           BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END""",
    ),
    "postgresql": (
        """CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE EXCEPTION 'the audit only grows'; END $$""",
        """CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
           FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows()""",
    ),
}


def upgrade() -> None:
    op.create_table(
        'audit',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('actor_id', sa.Uuid(), nullable=True),
        sa.Column('actor', sa.String(length=120), nullable=False),
        sa.Column('role', sa.String(length=10), server_default='', nullable=False),
        sa.Column('address', sa.String(length=64), server_default='', nullable=False),
        sa.Column('action', sa.String(length=40), nullable=False),
        sa.Column('kind', sa.String(length=20), nullable=False),
        sa.Column('object_id', sa.String(length=80), server_default='', nullable=False),
        sa.Column('object_name', sa.String(length=200), server_default='', nullable=False),
        sa.Column('before', json, nullable=True),
        sa.Column('after', json, nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_audit')),
    )
    op.create_index('ix_audit_at', 'audit', ['at'])
    op.create_index('ix_audit_actor', 'audit', ['actor', sa.text('id DESC')])
    op.create_index('ix_audit_action', 'audit', ['action', sa.text('id DESC')])
    op.create_index('ix_audit_object', 'audit', ['kind', 'object_id', sa.text('id DESC')])
    for statement in ONLY_GROWS[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table('audit')
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_only_grows()")
