"""Definition of job types: handler, payload, upload rules, registry, disabled types."""
