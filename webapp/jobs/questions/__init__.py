"""Questions that running jobs ask people: asked by a handler, answered or expired, reminded of and listed."""
