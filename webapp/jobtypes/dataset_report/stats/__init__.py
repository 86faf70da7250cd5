"""What is measured of each column."""
