"""The pages from which an installation is run. What belongs to one resource has a blueprint of its own."""
