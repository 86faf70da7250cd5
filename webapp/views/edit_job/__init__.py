"""Edit a waiting job, and the tags of any job."""
