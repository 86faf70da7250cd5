"""How long a job can be silent: the installation's name first, then the type, then the default."""

from datetime import timedelta

import pytest

from tests.jobs.conftest import Nothing
from webapp.config import BadSettingError, load
from webapp.jobs.definition.job_type import JobType, job_type
from webapp.jobs.definition.registry import Registry
from webapp.jobs.definition.silence_limits import SilenceLimits
from webapp.jobs.execution.context import JobContext

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def declared(name: str = "crawl", **rules: timedelta | None) -> JobType:
    def handler(job: JobContext, payload: Nothing) -> None:
        """Do nothing."""

    return job_type(name, title="Crawl", **rules)(handler)


@pytest.mark.parametrize(
    ("setting", "rules", "limit"),
    [
        ("", {}, None),
        ("never", {}, None),
        ("1d", {}, DAY),
        ("1d", {"stale_after": HOUR}, HOUR),
        ("1d", {"stale_after": None}, None),
        ("30min", {"timeout": 3 * HOUR}, 3 * HOUR),  # its author allows it to run this long
        ("1d, crawl=90s", {"stale_after": HOUR}, timedelta(seconds=90)),
        ("1d,crawl=never", {"stale_after": HOUR}, None),
        ("other=5min", {}, None),
    ],
)
def test_the_most_specific_limit_applies(setting: str, rules: dict[str, timedelta], limit: timedelta | None) -> None:
    default, by_name = load(stale_after=setting).silence_limits
    registry = Registry(SilenceLimits(default=default, by_name=by_name))
    registry.add(declared(**rules))
    assert registry.get("crawl").stale_after == limit


@pytest.mark.parametrize("setting", ["7", "soon", "0d", "-1d", "1d;2d", "crawl=", "crawl=5 weeks"])
def test_other_periods_are_refused(setting: str) -> None:
    with pytest.raises(BadSettingError, match=r"DESKJOB_STALE_AFTER cannot be used .*periods such as 7d"):
        load(stale_after=setting)
