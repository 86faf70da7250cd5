"""Connections, transactions, retries while the database is away, and the revision check."""
