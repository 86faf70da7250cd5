"""Output of handlers: what a job prints, its libraries log and its programs write becomes part of the job's log."""
