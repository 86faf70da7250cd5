"""The pages of budgets: limits and use of all users for admins, and one's own use, which other pages show."""
