"""The health of the installation: workers, clocks, database, Redis, disk."""
