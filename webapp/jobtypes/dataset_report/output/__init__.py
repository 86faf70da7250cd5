"""The files that the job leaves: report, profile and cleaned copy."""
