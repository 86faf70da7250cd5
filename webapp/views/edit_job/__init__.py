"""Change the tags of a job."""
