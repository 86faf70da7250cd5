"""Operations for other systems: the feed of events, notification rules with their deliveries, and webhooks."""
