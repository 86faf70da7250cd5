"""What a job is: status table, progress, rollup, policies. Pure: standard library only."""
