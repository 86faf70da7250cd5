"""The output files: report, profile and cleaned copy."""
