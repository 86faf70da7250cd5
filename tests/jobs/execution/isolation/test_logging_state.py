import logging
import logging.config

from tests.jobs.execution.isolation.forked import in_child
from webapp.jobs.execution.isolation.logging_state import LoggingState


def test_a_new_configuration_of_everything_is_undone() -> None:
    def work() -> object:
        library = logging.getLogger("sqlalchemy.engine")
        library.disabled = False
        state = LoggingState()
        logging.config.dictConfig({"version": 1, "root": {"level": "ERROR"}})
        disabled = library.disabled
        state.put_back()
        return [disabled, library.disabled, state.is_changed()]

    assert in_child(work) == [True, False, False]


def test_a_library_that_was_imported_keeps_its_level_and_its_null_handler() -> None:
    def work() -> object:
        state = LoggingState()
        library = logging.getLogger("imported just now")
        library.setLevel(logging.ERROR)
        library.addHandler(logging.NullHandler())
        library.addHandler(logging.StreamHandler())
        changed = state.is_changed()
        state.put_back()
        return [changed, library.level, [type(one).__name__ for one in library.handlers], state.is_changed()]

    assert in_child(work) == [True, logging.ERROR, ["NullHandler"], False]
