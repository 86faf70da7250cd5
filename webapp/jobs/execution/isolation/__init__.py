"""Keeps the jobs of one work-horse apart: puts the process's state back after each, or lets the work-horse end."""
