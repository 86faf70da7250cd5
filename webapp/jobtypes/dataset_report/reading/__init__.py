"""Rows from CSV files and workbooks."""
