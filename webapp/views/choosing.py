"""What people can choose for themselves, in words; and what they sent, as preferences or as sentences."""

from collections.abc import Mapping
from functools import cache
from zoneinfo import available_timezones

from webapp.accounts.preferences import Language, Notify, Preferences, Theme
from webapp.accounts.rules import BadAccount, good_timezone
from webapp.views.texts import gettext as _

OWN_NAMES: dict[str, str] = {Language.ENGLISH: "English", Language.GERMAN: "Deutsch"}  # in its own language each
_NO_PLACES = ("posix/", "right/", "Etc/", "SystemV/", "US/")


def choices() -> dict[str, dict[str, str]]:
    """Name each choice of each field."""
    return {
        "theme": {
            Theme.SYSTEM: _("As the device is set"),
            Theme.LIGHT: _("Light"),
            Theme.DARK: _("Dark"),
        },
        "language": {"": _("As the browser asks"), **OWN_NAMES},
        "notify": {
            Notify.ALWAYS: _("Whenever one of my jobs has ended"),
            Notify.FAILURE: _("Only when one has failed"),
            Notify.NEVER: _("Never"),
        },
    }


@cache
def zones() -> tuple[str, ...]:
    """Return the time zones that are named after places, by name."""
    places = (zone for zone in available_timezones() if "/" in zone and not zone.startswith(_NO_PLACES))
    return ("UTC", *sorted(places))


def refused(typed: Mapping[str, str]) -> dict[str, str]:
    """Say of each field what cannot be kept."""
    offered = choices()
    wrong = {name: _("Choose one of these.") for name in offered if typed.get(name, "") not in offered[name]}
    try:
        good_timezone(_zone(typed))
    except BadAccount:
        wrong["timezone"] = _("There is no such time zone. Choose one from the list, like Europe/Madrid.")
    return wrong


def chosen_by(typed: Mapping[str, str]) -> Preferences:
    """Return what was sent, once nothing of it is refused."""
    return Preferences(
        theme=typed.get("theme", ""),
        language=typed.get("language", ""),
        timezone=_zone(typed),
        live_updates="live_updates" in typed,
        notify=typed.get("notify", ""),
    )


def _zone(typed: Mapping[str, str]) -> str:
    return typed.get("timezone", "").strip().replace(" ", "_")
