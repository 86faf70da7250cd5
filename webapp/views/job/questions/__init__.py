"""The questions of jobs: the list of those that wait for the viewer, the form of an answer, the card of a job."""
