"""Inbound webhooks: where messages arrive, and the pages on which admins manage them."""
