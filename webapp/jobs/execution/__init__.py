"""The worker's side: run one attempt under a lease, report, checkpoint, dry run."""
