"""The chores of the clock: promote, rescue, prune, expire."""
