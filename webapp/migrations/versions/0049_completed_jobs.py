"""Keep completed jobs in smaller indexes without the status on PostgreSQL."""

from alembic import op

from webapp.db.concurrent_indexes import create_index, drop_index, replace_index

revision = '0049'
down_revision = '0048'

ROOT = 'root_id IS NULL'
CHILD = 'root_id IS NOT NULL'
ENDED_CHILD = 'root_id IS NOT NULL AND finished_at IS NOT NULL'
DIVIDED: tuple[tuple[str, str, list[str], str], ...] = (  # the index with the status, the new one, its columns besides the id
    ('root_status', 'root_completed', [], ROOT),
    ('root_owner_status', 'root_owner_completed', ['owner_id'], ROOT),
    ('child_ended', 'child_completed', [], ENDED_CHILD),
    ('child_owner_status', 'child_owner_completed', ['owner_id'], CHILD),
)


def upgrade() -> None:
    if op.get_context().dialect.name == 'postgresql':
        for divided, completed, columns, where in DIVIDED:
            create_index(f'ix_jobs_{completed}', 'jobs', [*columns, 'id'], where=f"{where} AND status = 'completed'")
            _replace(divided, columns, f"{where} AND status <> 'completed'")


def downgrade() -> None:
    if op.get_context().dialect.name == 'postgresql':
        for divided, completed, columns, where in DIVIDED:
            _replace(divided, columns, where)
            drop_index(f'ix_jobs_{completed}', 'jobs')


def _replace(name: str, columns: list[str], where: str) -> None:
    replace_index(f'ix_jobs_{name}', 'jobs', [*columns, 'status', 'id'], where=where)
