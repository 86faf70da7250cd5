"""Keep the unique keys of unfinished jobs in a table of their own, by triggers, instead of a unique index of jobs."""

import sqlalchemy as sa
from alembic import op

revision = '0044'
down_revision = '0043'

UNFINISHED = "('held', 'scheduled', 'queued', 'running', 'waiting')"
KEYED = sa.text(f"unique_key IS NOT NULL AND status IN {UNFINISHED}")
NAMED = sa.text("child_name IS NOT NULL")
HOLDS = f"NEW.unique_key IS NOT NULL AND NEW.status IN {UNFINISHED}"
CHANGES = f"""(OLD.unique_key IS NOT NULL OR NEW.unique_key IS NOT NULL)
              AND (OLD.unique_key IS {{other}} NEW.unique_key
                   OR (OLD.status IN {UNFINISHED}) <> (NEW.status IN {UNFINISHED}))"""
RELEASE = "DELETE FROM claimed_keys WHERE key = OLD.unique_key AND job_id = OLD.id;"
TRIGGERS = ("key_of_a_new_job", "key_of_a_changed_job", "key_of_a_deleted_job")
STATEMENTS = {
    "sqlite": (
        f"""CREATE TRIGGER {TRIGGERS[0]} AFTER INSERT ON jobs WHEN {HOLDS}
            BEGIN INSERT INTO claimed_keys (key, job_id) VALUES (NEW.unique_key, NEW.id); END""",
        f"""CREATE TRIGGER {TRIGGERS[1]} AFTER UPDATE OF status, unique_key ON jobs WHEN {CHANGES.format(other='NOT')}
            BEGIN {RELEASE}
            INSERT INTO claimed_keys (key, job_id) SELECT NEW.unique_key, NEW.id WHERE {HOLDS}; END""",
        f"""CREATE TRIGGER {TRIGGERS[2]} AFTER DELETE ON jobs WHEN OLD.unique_key IS NOT NULL
            BEGIN {RELEASE} END""",
    ),
    "postgresql": (
        f"""CREATE FUNCTION keep_claimed_keys() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF TG_OP <> 'INSERT' THEN
              {RELEASE}
            END IF;
            IF TG_OP <> 'DELETE' AND {HOLDS} THEN
              INSERT INTO claimed_keys (key, job_id) VALUES (NEW.unique_key, NEW.id);
            END IF;
            RETURN NULL;
            END $$""",
        f"""CREATE TRIGGER {TRIGGERS[0]} AFTER INSERT ON jobs FOR EACH ROW WHEN ({HOLDS})
            EXECUTE FUNCTION keep_claimed_keys()""",
        f"""CREATE TRIGGER {TRIGGERS[1]} AFTER UPDATE OF status, unique_key ON jobs FOR EACH ROW
            WHEN ({CHANGES.format(other='DISTINCT FROM')}) EXECUTE FUNCTION keep_claimed_keys()""",
        f"""CREATE TRIGGER {TRIGGERS[2]} AFTER DELETE ON jobs FOR EACH ROW
            WHEN (OLD.unique_key IS NOT NULL AND OLD.status IN {UNFINISHED}) EXECUTE FUNCTION keep_claimed_keys()""",
    ),
}


def upgrade() -> None:
    op.create_table(
        'claimed_keys',
        sa.Column('key', sa.String(200), nullable=False),
        sa.Column('job_id', sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint('key', name='pk_claimed_keys'),
        sqlite_with_rowid=False,
    )
    # The triggers lock the table until the end, so no job gets or loses a key while the keys are copied
    for statement in STATEMENTS[op.get_bind().dialect.name]:
        op.execute(statement)
    op.execute(f"INSERT INTO claimed_keys (key, job_id) SELECT unique_key, id FROM jobs WHERE {KEYED.text}")
    op.drop_index('uq_jobs_unique_key', 'jobs')
    # The lock of the root, which counts its children, keeps their names apart
    op.drop_index('uq_jobs_child_name', 'jobs')
    op.create_index('ix_jobs_child_name', 'jobs', ['root_id', 'child_name'],
                    sqlite_where=NAMED, postgresql_where=NAMED)  # fmt: skip


def downgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    op.drop_index('ix_jobs_child_name', 'jobs')
    op.create_index('uq_jobs_child_name', 'jobs', ['root_id', 'child_name'], unique=True,
                    sqlite_where=NAMED, postgresql_where=NAMED)  # fmt: skip
    op.create_index('uq_jobs_unique_key', 'jobs', ['unique_key'], unique=True,
                    sqlite_where=KEYED, postgresql_where=KEYED)  # fmt: skip
    for trigger in TRIGGERS:
        op.execute(f"DROP TRIGGER {trigger}" + (" ON jobs" if postgresql else ""))
    if postgresql:
        op.execute("DROP FUNCTION keep_claimed_keys()")
    op.drop_table('claimed_keys')
