"""Validates the page to open after signing in: only paths of this site. Pure."""

import re

HOME = "/jobs"
_LONGEST = 2000
_NOWHERE = ("/login", "/logout")
_FRAGMENT = re.compile(r"/_[a-z]+(?=\?|$)")  # of the page above it


def safe_next(target: str | None) -> str:
    r"""Return ``target`` if it is a path of this site, else the home page.

    Browsers read ``//host``, ``/\host`` and ``/<tab>/host`` as URLs of another site, so a path must
    start with exactly one slash and contain no backslashes, spaces or invisible characters.
    The path of a fragment is replaced with the path of its page.
    """
    if not target or len(target) > _LONGEST or target.startswith(_NOWHERE):
        return HOME
    is_path = target.startswith("/") and not target.startswith("//")
    is_plain = target.isprintable() and "\\" not in target and not any(c.isspace() for c in target)
    return (_FRAGMENT.sub("", target, count=1) or HOME) if is_path and is_plain else HOME
