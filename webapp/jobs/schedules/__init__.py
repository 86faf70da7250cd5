"""Schedules: cron rules that create jobs. Any number of clocks can run; each scheduled time fires exactly once.

``cron_rule`` computes times and ``misfires`` decides which of them are due or were missed; both are pure. ``schedule``
has the values, ``draft`` what users can set, ``service`` stores schedules. Every second a clock calls ``runner``:
``job_factory`` creates the jobs, ``run_records`` records each time once, and ``run_history`` reads the outcomes.
"""
