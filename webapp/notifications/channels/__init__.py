"""How a message is written and sent: by mail, as a signed webhook, to a chat. Knows no rules and no database."""
