"""Connections, transactions, retry while the database is away, and the check of its revision."""
