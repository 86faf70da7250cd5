"""Commands that look after a whole installation."""
