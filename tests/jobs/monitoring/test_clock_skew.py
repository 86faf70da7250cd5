from datetime import timedelta

import pytest

from tests.wrong_clock import BOTH_WAYS, wrong_clock
from webapp.db.engine import reading
from webapp.jobs.monitoring.clock_skew import LARGE_SKEW, measure_skew
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


@BOTH_WAYS
def test_the_skew_is_how_far_this_process_is_ahead(services: Services, by: timedelta) -> None:
    with wrong_clock(by), reading(services.engine) as connection:
        assert abs(measure_skew(connection) - by) < LARGE_SKEW


def test_a_right_clock_has_no_skew(services: Services) -> None:
    with reading(services.engine) as connection:
        assert abs(measure_skew(connection)) < LARGE_SKEW
