"""Schedules: cron rules that create jobs. Any number of clocks may tick; each time fires exactly once.

``rule`` knows when (cronsim), ``plan`` what is due and what was missed; both are pure. ``schedule`` is the
value, ``draft`` what people may ask for, ``schedules`` keeps them, ``runs`` remembers what became of each
time. ``firing`` is what a clock does every second: ``making`` makes the jobs, ``ticks`` has the statements.
"""
