"""Isolates the jobs of one work-horse: restores the process's state after each job, or ends the work-horse."""
