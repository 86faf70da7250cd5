"""The pages of API tokens: one's own, and for admins those of everyone."""
