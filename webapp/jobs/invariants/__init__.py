"""Invariants: what must always be true of an installation, checked while it runs, without changing anything.

Each check is one statement, so that it sees one point in time. The database finds the violations: however many jobs
there are, only a few examples are read.
"""
