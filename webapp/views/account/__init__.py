"""Sign-in, the account page and notifications."""
