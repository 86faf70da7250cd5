"""Metrics: rollups by the hour of how jobs ended, how long attempts took, and which errors occurred.

Running jobs pay nothing for them: the clock reads what happened since the cursor of a rollup and adds it up. The cursor
moves in the same transaction, so each event is counted once, no matter how many clocks run or where one crashes.
Readers count what happened after the cursor themselves.
"""
