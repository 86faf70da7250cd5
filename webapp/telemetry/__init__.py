"""The log of a process, and, if they are switched on, its traces and error reports."""
