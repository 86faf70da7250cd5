"""Execution on the worker: attempts under a lease, reports, checkpoints, batches, dry runs."""
