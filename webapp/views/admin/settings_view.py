"""Settings for people to read: each with its variable, its value in words, and no secret."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import SecretStr

from webapp.config import PREFIX, Settings
from webapp.views.texts import gettext as _


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting; ``changed`` is whether it is another than without any environment."""

    variable: str
    value: str
    changed: bool


def settings_view(settings: Settings) -> tuple[Setting, ...]:
    """Describe every setting."""
    return tuple(_described(settings))


def _described(settings: Settings) -> Iterator[Setting]:
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        yield Setting(PREFIX + name.upper(), _shown(name, value), value != field.default)


def _shown(name: str, value: object) -> str:
    if isinstance(value, SecretStr) or "secret" in name or "password" in name or "token" in name:
        return _("set, not shown") if value else _("not set")
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or _("nothing")
    return re.sub(r"//[^/]*@", "//***@", str(value)) or _("nothing")
