"""Templates of the tests: a name that a view does not pass is an error, where pages would show nothing."""

from jinja2 import Undefined
from jinja2.utils import missing


class MissingName(Undefined):
    """A template can ask for a name that some of its views do not pass, but not show it."""

    def __str__(self) -> str:
        if self._undefined_obj is missing and self._undefined_name is not None:
            self._fail_with_undefined_error()
        return ""
