"""Time zones by name or city: "Europe/Berlin", "berlin", "New York" and "Wien" find a zone; times in them. Pure."""

import unicodedata
from datetime import datetime, tzinfo
from functools import cache
from zoneinfo import available_timezones

_LANGUAGES = ("en", "de")
_OLD_AREAS = ("posix/", "right/", "Etc/", "SystemV/", "US/", "Canada/", "Brazil/", "Chile/", "Mexico/")


@cache
def time_zones() -> frozenset[str]:
    """Return the names of all time zones."""
    return frozenset(available_timezones())


@cache
def places() -> tuple[str, ...]:
    """Return the time zones that are named after places, sorted."""
    return tuple(sorted(zone for zone in time_zones() if "/" in zone and not zone.startswith(_OLD_AREAS)))


def local_time(at: datetime, zone: tzinfo) -> datetime:
    """Return an aware time in a zone; in its own zone, if the calendar ends or begins in between."""
    try:
        return at.astimezone(zone)
    except OverflowError:
        return at


def find_time_zone(text: str) -> str | None:
    """Return the zone of that name or of that city; ``None`` if there is none."""
    return text if text in time_zones() else _by_name().get(_folded(text))


@cache
def _by_name() -> dict[str, str]:
    from babel import Locale  # noqa: PLC0415  (only for names that are no zone)

    found = {_folded(zone): zone for zone in sorted(time_zones() - set(places()), key=len, reverse=True)}
    cities = sorted(places(), key=lambda zone: (zone.count("/"), zone), reverse=True)  # the plainest name wins
    found |= {_folded(zone.rpartition("/")[2]): zone for zone in cities}
    for language in _LANGUAGES:
        for zone, names in Locale(language).time_zones.items():
            if zone in time_zones() and "/" in zone and (city := names.get("city")):
                found.setdefault(_folded(city), zone)
    return found | {_folded(zone): zone for zone in places()}


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).replace("_", " ").casefold()
    return " ".join("".join(char for char in plain if not unicodedata.combining(char)).split())
