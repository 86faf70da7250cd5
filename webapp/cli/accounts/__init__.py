"""The commands `user` and `token`: people, service accounts and their API tokens."""
