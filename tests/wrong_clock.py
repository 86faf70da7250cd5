"""A process whose clock is wrong, while those of its database, of Redis and of the other processes are right."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import time_machine
from uuid_utils.compat import uuid7

AHEAD, BEHIND = timedelta(hours=1), timedelta(hours=-1)
BOTH_WAYS = pytest.mark.parametrize("by", [AHEAD, BEHIND], ids=["ahead", "behind"])
_MILLISECONDS_AT = 80  # bits of a UUID after its time


@contextmanager
def wrong_clock(by: timedelta) -> Iterator[None]:
    """Let the clock of this process, and of those that it forks meanwhile, be wrong by so much.

    The ids that it makes have the wrong time too: the library reads the clock of the system. What measures how long
    something takes, such as `time.monotonic`, is right.
    """
    shift = round(by.total_seconds() * 1000) << _MILLISECONDS_AT

    def wrong_id() -> UUID:
        return UUID(int=uuid7().int + shift)

    modules = (found for name, found in [*sys.modules.items()] if name.startswith(("webapp.", "uuid_utils.")))
    users = [found for found in modules if vars(found).get("uuid7") is uuid7]
    with pytest.MonkeyPatch.context() as patch, time_machine.travel(datetime.now(UTC) + by, tick=True):
        for module in users:
            patch.setattr(module, "uuid7", wrong_id)
        yield
