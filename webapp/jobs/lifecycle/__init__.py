"""Every change of a job's status with all its consequences, one transaction each."""
