"""Read the rows of a table as people have it, and write them once in one form."""
