"""What must always be true of an installation, checked while it runs; nothing is changed.

Each check is one statement, so that it sees one moment. The database does the finding: however
many jobs there are, only a few examples of what is broken are read.
"""
