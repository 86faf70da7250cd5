"""The time left, as a page tells it: steady, so that nobody watches it jump. Pure."""

from datetime import timedelta

from webapp.jobs.progress import time_left

_RAISED_FROM = 1.2  # a guess is raised only when it was off by more than 20 %
_TRUST = 0.5  # how far a lower guess pulls the one that was told


def left(elapsed: timedelta, percent: float, usual: timedelta | None, *, shown: timedelta | None) -> timedelta | None:
    """Guess the time left, close to what was ``shown`` last; ``None`` where nobody can know."""
    guess = time_left(elapsed, percent, usual)
    if guess is None or shown is None or shown <= timedelta():
        return guess
    if guess > shown:
        return guess if guess > _RAISED_FROM * shown else shown
    return shown + _TRUST * (guess - shown)
