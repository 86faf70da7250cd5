"""The sentences that the engine, the accounts and the job types write, for the catalogue and for `written`.

What is filled in is named: ``count`` and ``left`` are numbers, ``size`` and ``whole`` are sizes; ``what`` is a
list, ``why`` and ``reason`` one, of things that stand here too.
"""

from webapp.views.known import engine, jobtypes

FIXED = (*engine.FIXED, *jobtypes.FIXED)
PATTERNS = (*engine.PATTERNS, *jobtypes.PATTERNS)
