"""Edit a job that has not started: its input, queue, priority, start time and tags."""
