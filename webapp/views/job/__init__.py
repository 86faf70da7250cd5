"""The page of one job and its actions."""
