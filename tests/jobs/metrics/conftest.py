from collections.abc import Callable

import pytest

from webapp.jobs.metrics import cursors
from webapp.services import Services


@pytest.fixture
def roll_up(services: Services, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Roll up everything, including the latest second: no other transaction writes here."""
    monkeypatch.setattr(cursors, "CAUTION_SECONDS", 0.0)
    return services.metrics.roll_up
