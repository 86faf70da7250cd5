"""Delete events with their job by a trigger: a foreign key looked up and locked the job for every event."""

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0011'

TRIGGER = {
    "sqlite": (
        """CREATE TRIGGER events_go_with_their_job AFTER DELETE ON jobs
           BEGIN DELETE FROM events WHERE job_id = OLD.id; END""",
    ),
    "postgresql": (
        """CREATE FUNCTION remove_events() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN
             DELETE FROM events WHERE job_id IN (SELECT id FROM gone);
             RETURN NULL;
           END $$""",
        """CREATE TRIGGER events_go_with_their_job AFTER DELETE ON jobs REFERENCING OLD TABLE AS gone
           FOR EACH STATEMENT EXECUTE FUNCTION remove_events()""",
    ),
}
KEY = 'fk_events_job_id_jobs'


def upgrade() -> None:
    with op.batch_alter_table('events') as events:
        events.drop_constraint(KEY, type_='foreignkey')
    for statement in TRIGGER[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    op.execute("DROP TRIGGER events_go_with_their_job" + (" ON jobs" if postgresql else ""))
    if postgresql:
        op.execute("DROP FUNCTION remove_events()")
    op.execute(sa.text("DELETE FROM events WHERE job_id NOT IN (SELECT id FROM jobs)"))
    with op.batch_alter_table('events') as events:
        events.create_foreign_key(KEY, 'jobs', ['job_id'], ['id'], ondelete='CASCADE')
