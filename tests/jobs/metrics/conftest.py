from collections.abc import Callable

import pytest

from webapp.jobs.metrics import cursors
from webapp.services import Services


@pytest.fixture
def fold(services: Services, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Add up all that has happened, the latest second as well: nobody else writes here."""
    monkeypatch.setattr(cursors, "CAUTION_SECONDS", 0.0)
    return services.metrics.roll_up
