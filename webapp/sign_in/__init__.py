"""Sign-in by more than a password of Deskjob: single sign-on, and who gets which account, role and tenant."""
