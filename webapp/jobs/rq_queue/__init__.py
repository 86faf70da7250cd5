"""The only place that touches RQ: wake-ups, and the worker that turns them into work-horses.

Redis is a hint and untrusted input: of a wake-up only the name of its queue is read, nothing
named in Redis is ever imported or called, and Redis may lose everything at any moment.
"""
