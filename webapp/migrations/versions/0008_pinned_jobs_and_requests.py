"""Add pinned jobs and idempotency keys."""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'


def upgrade() -> None:
    op.add_column("jobs", sa.Column("kept_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "requests",
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_requests_job_id_jobs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_requests")),
    )
    op.create_index("ix_requests_job", "requests", ["job_id"])


def downgrade() -> None:
    op.drop_table("requests")
    op.drop_column("jobs", "kept_at")
