"""Approve or reject jobs that wait for a second person, expire those that nobody decides, and list them."""
