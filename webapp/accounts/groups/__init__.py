"""Groups of users, their members, and the job types that are only for them."""
