"""Start a job, or run one again."""
