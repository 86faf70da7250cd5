"""Why a message did not arrive: not yet, or not at all."""


class NotDelivered(Exception):
    """Raised when a message cannot be delivered yet; the message is the reason, for the log."""


class Undeliverable(Exception):
    """Raised when trying again would not help; the message is the reason, for the log."""
