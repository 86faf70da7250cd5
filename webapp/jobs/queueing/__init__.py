"""Queueing decides which job runs next: claim, fair share, concurrency limits, queues, latency."""
