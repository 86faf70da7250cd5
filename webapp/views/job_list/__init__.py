"""The list of jobs: filter, rows, live updates, bulk actions."""
