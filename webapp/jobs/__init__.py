"""The engine: jobs, their types, and what runs them. Knows no Flask and no particular job type.

Its public interface is listed in `webapp.jobs.public_names` and imported from here. A public name is loaded when it is
first used, so that the model can be imported without the database and Redis.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from webapp.jobs.public_names import *  # noqa: F403
else:

    def __getattr__(name: str) -> Any:
        return getattr(import_module("webapp.jobs.public_names"), name)
