"""Format numbers, sizes and dates for people."""

from math import floor, log10

from webapp.jobtypes.dataset_report.stats.value_kinds import DATED, ValueKind, moment_at

UNITS = ("bytes", "kB", "MB", "GB", "TB")
DIGITS = 6
HUGE, TINY = 1e15, 1e-6


def size_in_words(size: int) -> str:
    """Return a number of bytes in the largest unit that keeps it above one."""
    amount, unit = float(size), 0
    while amount >= 999.5 and unit < len(UNITS) - 1:  # noqa: PLR2004 - would be written 1,000
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.1f} {UNITS[unit]}" if unit > 2 or (unit and amount < 9.95) else f"{amount:.0f} {UNITS[unit]}"  # noqa: PLR2004


def counted(number: int, noun: str) -> str:
    """1 row, 2 rows."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def number_in_words(number: float | None) -> str:
    """Return six digits at most after a whole part that is never cut."""
    if number is None:
        return "unknown"
    size = abs(number)
    if size and not TINY <= size < HUGE:
        return f"{number:.4g}"
    if number == int(number):
        return f"{int(number):,}"
    places = max(0, DIGITS - 1 - floor(log10(size)))
    return f"{number:,.{places}f}".rstrip("0").rstrip(".")


def value_in_words(number: float | None, kind: ValueKind) -> str:
    """Return a number, or the date that it stands for in a column of dates."""
    if number is None or kind not in DATED:
        return number_in_words(number)
    moment = moment_at(number)
    return f"{moment:%Y-%m-%d}".zfill(10) if kind is ValueKind.DATE else f"{moment:%Y-%m-%d %H:%M}".zfill(16)


def share_in_words(part: float, whole: float) -> str:
    """Return a percentage that is 0 or 100 only when it truly is."""
    if not whole or not part:
        return "0 %"
    share = 100 * part / whole
    if part == whole:
        return "100 %"
    return "< 0.1 %" if share < 0.1 else "> 99.9 %" if share > 99.9 else f"{share:.1f} %"  # noqa: PLR2004
