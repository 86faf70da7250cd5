"""Groups of users: the pages on which admins manage them, and the changes that the API makes too."""
