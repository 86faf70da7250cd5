"""What operators do with a whole installation: back up, restore, and check it."""
