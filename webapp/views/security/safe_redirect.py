"""Where to go after signing in: only ever to a page of our own. Pure."""

import re

HOME = "/jobs"
_LONGEST = 2000
_NOWHERE = ("/login", "/logout")
_FRAGMENT = re.compile(r"/_[a-z]+(?=\?|$)")  # of the page above it


def safe_next(target: str | None) -> str:
    r"""Return ``target`` if it is a path of ours, else the home page.

    Browsers read ``//host``, ``/\host`` and ``/<tab>/host`` as another site's address, so a path
    has one slash in front, and neither backslashes, spaces nor characters that cannot be seen.
    A fragment's address leads to its page.
    """
    if not target or len(target) > _LONGEST or target.startswith(_NOWHERE):
        return HOME
    is_path = target.startswith("/") and not target.startswith("//")
    is_plain = target.isprintable() and "\\" not in target and not any(c.isspace() for c in target)
    return (_FRAGMENT.sub("", target, count=1) or HOME) if is_path and is_plain else HOME
