"""What the page of a job tells about its past: the timeline, the attempts, and looks at its process."""
