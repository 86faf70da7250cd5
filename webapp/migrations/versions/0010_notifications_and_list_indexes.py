"""Add notifications, inserted by a trigger when a user's job ends, and an index of finished jobs."""

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'

ENDED = sa.text("finished_at IS NOT NULL")
# No notification for children, nor for jobs that were stopped before they started
TELLS = """NEW.status IN ('completed', 'failed', 'cancelled', 'stale')
           AND OLD.status NOT IN ('completed', 'failed', 'cancelled', 'stale')
           AND NEW.owner_id IS NOT NULL AND NEW.root_id IS NULL AND NEW.cancel_kind IS NOT {other} 'before_start'"""
NOTICE = """INSERT INTO notices (user_id, job_id, kind, at)
            SELECT id, NEW.id, NEW.status, NEW.finished_at FROM users WHERE id = NEW.owner_id
            AND (notify = 'always' OR (notify = 'failure' AND NEW.status IN ('failed', 'stale')));"""
TRIGGER = {
    "sqlite": (
        f"""CREATE TRIGGER notice_of_an_end AFTER UPDATE OF status ON jobs
            WHEN {TELLS.format(other='')} BEGIN {NOTICE} END""",
    ),
    "postgresql": (
        f"""CREATE FUNCTION notice_of_an_end() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN {NOTICE} RETURN NULL; END $$""",
        f"""CREATE TRIGGER notice_of_an_end AFTER UPDATE OF status ON jobs FOR EACH ROW
            WHEN ({TELLS.replace('IS NOT {other}', 'IS DISTINCT FROM')})
            EXECUTE FUNCTION notice_of_an_end()""",
    ),
}


def upgrade() -> None:
    op.create_table('notices',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('job_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('read_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name=op.f('fk_notices_job_id_jobs'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_notices_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notices'))
    )
    with op.batch_alter_table('notices', schema=None) as batch_op:
        batch_op.create_index('ix_notices_job', ['job_id'], unique=False)
        batch_op.create_index('ix_notices_user', ['user_id', 'read_at', 'id'], unique=False)

    op.create_index('ix_jobs_ended', 'jobs', ['status', sa.literal_column('id DESC')], unique=False,
                    sqlite_where=ENDED, postgresql_where=ENDED)
    if op.get_bind().dialect.name == "postgresql":
        # public jobs fail rarely, so a list of failed ones would otherwise scan all public jobs
        op.execute("CREATE STATISTICS jobs_public_status (mcv) ON public, status FROM jobs")
    for statement in TRIGGER[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    op.execute("DROP TRIGGER notice_of_an_end" + (" ON jobs" if postgresql else ""))
    if postgresql:
        op.execute("DROP FUNCTION notice_of_an_end()")
        op.execute("DROP STATISTICS jobs_public_status")
    op.drop_index('ix_jobs_ended', 'jobs', sqlite_where=ENDED, postgresql_where=ENDED)
    op.drop_table('notices')
