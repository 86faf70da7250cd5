"""Commands for queues, and for the pause of everything."""
