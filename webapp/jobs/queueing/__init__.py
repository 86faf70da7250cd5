"""Queueing decides which job runs next: claim, fair share, concurrency limits, rates, queues, latency."""
