"""Let several owners give their schedules the same name."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0039'
down_revision = '0038'

json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
moment = sa.DateTime(timezone=True)
DUE = sa.text('next_fire_at IS NOT NULL')
OWNED, SYSTEM = sa.text('owner_id IS NOT NULL'), sa.text('owner_id IS NULL')


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint('uq_schedules_name', 'schedules', type_='unique')
    else:
        _rebuild()
    op.create_index('uq_schedules_owner_name', 'schedules', ['owner_id', 'name'], unique=True,
                    sqlite_where=OWNED, postgresql_where=OWNED)
    op.create_index('uq_schedules_name', 'schedules', ['name'], unique=True,
                    sqlite_where=SYSTEM, postgresql_where=SYSTEM)


def downgrade() -> None:
    op.execute(  # of equal names, all but the oldest get the ID of their schedule
        """UPDATE schedules SET name = substr(name, 1, 80) || ' ' || CAST(id AS VARCHAR(36)) WHERE EXISTS (
           SELECT 1 FROM schedules AS other WHERE other.name = schedules.name AND other.id < schedules.id)"""
    )
    op.drop_index('uq_schedules_owner_name', 'schedules')
    op.drop_index('uq_schedules_name', 'schedules')
    if op.get_bind().dialect.name == "postgresql":
        op.create_unique_constraint('uq_schedules_name', 'schedules', ['name'])
    else:
        _rebuild(sa.UniqueConstraint('name', name='uq_schedules_name'))


def _rebuild(*constraints: sa.Constraint) -> None:
    """Copy the table of SQLite, which cannot add or drop a constraint; its runs would be deleted with the old one."""
    op.execute("CREATE TEMPORARY TABLE kept_runs AS SELECT * FROM schedule_runs")
    names = _create('new_schedules', *constraints)
    op.execute(f"INSERT INTO new_schedules ({names}) SELECT {names} FROM schedules")  # noqa: S608
    op.drop_table('schedules')
    op.rename_table('new_schedules', 'schedules')
    op.create_index('ix_schedules_due', 'schedules', ['next_fire_at'], sqlite_where=DUE)
    op.execute("INSERT INTO schedule_runs SELECT * FROM kept_runs WHERE id NOT IN (SELECT id FROM schedule_runs)")
    op.execute("DROP TABLE kept_runs")


def _create(name: str, *constraints: sa.Constraint) -> str:
    """Create the table; return the names of its columns."""
    table = op.create_table(
        name,
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('name', sa.String(length=120), nullable=False),
        sa.Column('type', sa.String(length=80), nullable=False),
        sa.Column('payload', json, nullable=False),
        sa.Column('rule', sa.String(length=100), nullable=False),
        sa.Column('zone', sa.String(length=64), nullable=False),
        sa.Column('missed', sa.String(length=4), nullable=False),
        sa.Column('one_at_a_time', sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column('queue', sa.String(length=80), nullable=True),
        sa.Column('priority', sa.Integer(), nullable=True),
        sa.Column('owner_id', sa.Uuid(), nullable=True),
        sa.Column('public', sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column('tenant', sa.String(length=80), nullable=True),
        sa.Column('next_fire_at', moment, nullable=True),
        sa.Column('paused_at', moment, nullable=True),
        sa.Column('paused_by', sa.Uuid(), nullable=True),
        sa.Column('paused_why', sa.String(length=200), server_default='', nullable=False),
        sa.Column('created_at', moment, nullable=False),
        sa.Column('created_by', sa.Uuid(), nullable=True),
        sa.Column('changed_at', moment, nullable=True),
        sa.Column('changed_by', sa.Uuid(), nullable=True),
        sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False),
        sa.Column('tags', json, nullable=True),
        sa.CheckConstraint("missed IN ('skip', 'once', 'all')", name=op.f('ck_schedules_known_policy')),
        sa.CheckConstraint('NOT public OR owner_id IS NULL', name=op.f('ck_schedules_only_system_jobs_are_public')),
        sa.CheckConstraint('paused_at IS NULL OR next_fire_at IS NULL',
                           name=op.f('ck_schedules_a_paused_one_has_no_next_time')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_schedules')),
        *constraints,
    )
    return ", ".join(column.name for column in table.columns)
