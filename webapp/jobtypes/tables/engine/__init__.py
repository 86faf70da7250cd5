"""Compute figures of a table and write it in other formats, with DuckDB in a process of its own."""
