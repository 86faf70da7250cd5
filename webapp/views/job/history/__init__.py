"""What the page of a job tells about its past: the timeline, the attempts, the steps, and looks at its process."""
