"""Fold the case of searched texts on PostgreSQL as ``webapp.db.case_folding`` does, whatever locale the database has.

``pg_c_utf8`` exists since PostgreSQL 17; ``und-x-icu`` if the server was built with ICU, as usual packages are.
"""

from alembic import op

revision = '0019'
down_revision = '0018'

FUNCTION = r"""
DO $do$
DECLARE letters text := (
    SELECT format('COLLATE pg_catalog.%I', collname) FROM pg_collation
    WHERE collnamespace = 'pg_catalog'::regnamespace AND collname IN ('pg_c_utf8', 'und-x-icu', 'C.utf8', 'C.UTF-8')
      AND collencoding IN (-1, (SELECT encoding FROM pg_database WHERE datname = current_database()))
    ORDER BY array_position(ARRAY['pg_c_utf8', 'und-x-icu', 'C.utf8', 'C.UTF-8']::name[], collname) LIMIT 1);
BEGIN
    EXECUTE format(
        'CREATE FUNCTION deskjob_folded(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS %L',
        format('SELECT translate(lower($1 %s), %L, %L)', letters, U&'\0131\03C2\0307', U&'i\03C3')
    );
END $do$"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(FUNCTION)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION deskjob_folded(text)")
