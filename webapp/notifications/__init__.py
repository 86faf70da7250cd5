"""Notifications by mail, webhook and chat: rules say who is notified of what, and a log keeps the sent messages.

The clock evaluates the rules, and jobs of the queue ``notifications`` deliver. The bell on pages is independent of it.
"""
