"""Shared by job types that read or write tables: encodings, delimiters, escaping of formulas."""
