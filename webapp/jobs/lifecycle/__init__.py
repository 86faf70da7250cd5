"""Every change of a job's status and everything that follows from it, one transaction each."""
