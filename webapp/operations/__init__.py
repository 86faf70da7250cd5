"""What operators do to a whole installation: back it up, restore it, and look for what is wrong with it."""
