"""Rows, files, events, locks, keys and fencing: every write goes through here."""
