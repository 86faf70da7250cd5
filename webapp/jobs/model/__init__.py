"""The job model: status table, progress, rollup, policies. Pure: standard library only."""
