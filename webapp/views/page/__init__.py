"""What every page has: request context, permissions, polling, top bar, errors, assets."""
