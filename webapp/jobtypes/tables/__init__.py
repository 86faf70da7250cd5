"""What job types share that read or write tables: encodings, delimiters, safe cells."""
