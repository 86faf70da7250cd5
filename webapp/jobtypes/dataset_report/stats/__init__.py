"""Statistics of a column."""
