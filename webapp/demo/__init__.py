"""Seeded demonstration data: users, jobs in every status, schedules and a month of history. Imports no views."""
