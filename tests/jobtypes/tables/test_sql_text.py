import duckdb
import pytest

from webapp.jobtypes.tables.sql_text import quoted


@pytest.mark.parametrize("text", ["", "it's", "a\\b\n", "';--"])
def test_a_literal_means_its_text(text):
    with duckdb.connect() as database:
        assert database.execute(f"SELECT {quoted(text)}").fetchone() == (text,)
