"""What each verb of a job asks before it is done: what happens, and to how much of it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from webapp.views.asking import ending, keeping, steering
from webapp.views.asking.matter import Matter, Question

_QUESTIONS: Mapping[str, Callable[[Matter], Question]] = MappingProxyType(
    {
        "stop": ending.stop,
        "retry": ending.retry,
        "delete": ending.delete,
        "keep": keeping.keep,
        "keep-no-longer": keeping.keep_no_longer,
        "run-next": steering.run_next,
        "make-public": steering.make_public,
        "make-private": steering.make_private,
    }
)
VERBS = tuple(_QUESTIONS)


def question(verb: str, matter: Matter) -> Question:
    """Return what is asked before ``verb``."""
    return _QUESTIONS[verb](matter)
