"""Short jobs that a work-horse claims and ends together, and what becomes of them if it dies meanwhile."""
