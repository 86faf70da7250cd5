"""Notifications by mail, webhook and chat: rules say who hears of what, and a log keeps what was sent.

The clock evaluates the rules, and jobs of the queue ``notifications`` deliver. The bell on pages is independent of it.
"""
