"""Budgets: how many jobs, how much processor time and how much memory the jobs of one user can use in a month.

``budget`` has the limits as a value and ``month`` the period that they are for; both are pure. ``admission`` counts
each new job in the transaction that writes it, or refuses it. ``usage_rollup`` adds what ended attempts have used, and
``service`` is what pages and commands call. An installation without budgets has no guard, and no statement more.
"""
