"""Inbound webhooks: a signed message from another system starts a job of a type that allows it."""
