"""Declaring a job type: handler, payload, uploads, registry, disabled types."""
