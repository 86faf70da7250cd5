"""The pages of notification rules and deliveries: the user's own, and those of the installation."""
