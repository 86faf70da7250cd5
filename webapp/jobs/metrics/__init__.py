"""Figures over many jobs: what ended when, how long it took, which errors there were.

Nothing of it costs a running job anything: the clock reads what has happened since the last time,
from where a cursor stands, and adds it up. The cursor moves in the same transaction, so each
thing is counted once, however many clocks there are and wherever one dies. What has happened
since then, a reader counts along.
"""
