"""Chaos: real processes on real servers, while a seeded random hand kills, freezes and empties them."""
