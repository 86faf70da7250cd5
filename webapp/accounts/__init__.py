"""User accounts, passwords, sessions, permissions and the audit log. Knows no jobs and no Flask."""
