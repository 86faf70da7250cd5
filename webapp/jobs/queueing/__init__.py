"""Which job runs next: claim, fair share, concurrency limits, queues, latency."""
