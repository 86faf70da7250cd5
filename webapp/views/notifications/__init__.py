"""The pages of notification rules and of what they sent: one's own, and those of the installation."""
