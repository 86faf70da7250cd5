"""Read rows from CSV files and workbooks."""
