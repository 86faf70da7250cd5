"""Rows, files, events, locks, keys and fencing: everything that is written goes through here."""
