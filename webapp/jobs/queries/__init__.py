"""Reads for pages and commands: visibility, filters, keyset pagination, search."""
