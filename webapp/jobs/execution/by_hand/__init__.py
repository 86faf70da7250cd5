"""Runs of one job outside a worker: inline, under a lease as any job, or dry, without effects."""
