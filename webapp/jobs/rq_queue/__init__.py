"""The only package that imports RQ: wake-ups, and the worker that turns them into work-horses.

Redis is only a hint, and untrusted input: only the queue name of a wake-up is read, nothing that is
named in Redis is imported or called, and Redis can lose all of its data at any time.
"""
