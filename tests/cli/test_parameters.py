from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import click
import pytest

from webapp.accounts.user import User
from webapp.cli import parameters
from webapp.cli.command_group import BadUsage
from webapp.cli.parameters import JOB, LIMIT, MOMENT, PAYLOAD, PERIOD, check_group, owner_of
from webapp.jobs.model.job import Owner
from webapp.services import Services


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("90s", timedelta(seconds=90)),
        ("1d12h", timedelta(hours=36)),
        ("0s", timedelta()),
        ("10m30s", timedelta(seconds=630)),
    ],
)
def test_a_period_adds_up_its_parts(text: str, period: timedelta) -> None:
    assert PERIOD.convert(text, None, None) == period


@pytest.mark.parametrize("text", ["", "10", "h", "1w", "-1h", "1h ", "999999d"])
def test_anything_else_is_not_a_period(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a period"):
        PERIOD.convert(text, None, None)


def test_a_time_without_an_offset_is_in_the_zone_of_the_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    installation = SimpleNamespace(settings=SimpleNamespace(timezone="Europe/Madrid"))
    monkeypatch.setattr(parameters, "services", lambda: installation)
    expected = datetime(2026, 12, 1, 17, 30, tzinfo=UTC)
    assert MOMENT.convert("2026-12-01T18:30", None, None) == expected
    assert MOMENT.convert("2026-12-01T17:30Z", None, None) == expected
    with pytest.raises(click.BadParameter, match="is not a time"):
        MOMENT.convert("tomorrow", None, None)


def test_a_payload_is_a_json_object() -> None:
    assert PAYLOAD.convert('{"days": 30}', None, None) == {"days": 30}
    for text, message in (("{", "is not valid JSON"), ("[1]", "must be a JSON object")):
        with pytest.raises(BadUsage, match=message):
            PAYLOAD.convert(text, None, None)


def test_a_limit_is_a_number_or_none() -> None:
    assert [LIMIT.convert(text, None, None) for text in ("none", "0", "12")] == [None, 0, 12]
    with pytest.raises(click.BadParameter):
        LIMIT.convert("-1", None, None)


@pytest.fixture
def opened(services: Services, monkeypatch: pytest.MonkeyPatch) -> Services:
    monkeypatch.setattr(parameters, "services", lambda: services)
    return services


def test_a_job_is_found_by_its_id_or_its_last_digits(opened: Services) -> None:
    job = opened.jobs.create_system_job("maintenance")
    assert [JOB.convert(text, None, None).id for text in (str(job.id), job.short_id)] == [job.id, job.id]


@pytest.mark.parametrize(("text", "hint"), [("00000000", "Use the whole ID"), ("nonsense", "There is no job nonsense")])
@pytest.mark.usefixtures("opened")
def test_an_unknown_job_is_refused_with_a_hint(text: str, hint: str) -> None:
    with pytest.raises(BadUsage, match=hint):
        JOB.convert(text, None, None)


def test_an_owner_must_be_active_and_allowed_to_start_the_type(opened: Services, person: Callable[..., User]) -> None:
    ana, ben = person("ana"), person("ben")
    opened.accounts.disable("ben")
    assert owner_of(None, "maintenance") == Owner(public=True)
    assert owner_of("ana", "job_history_export") == Owner(user_id=ana.id)
    refused: dict[str, tuple[Any, ...]] = {
        "no active account named ben": (ben.name, "job_history_export"),
        "Required role: admin": ("ana", "user_import"),
    }
    for message, arguments in refused.items():
        with pytest.raises(BadUsage, match=message):
            owner_of(*arguments)


def test_an_owner_must_belong_to_the_groups_of_the_type_and_of_the_job(
    opened: Services, person: Callable[..., User]
) -> None:
    ana = Owner(user_id=person("ana").id)
    finance = opened.user_groups.add("Finance")
    opened.user_groups.set_types(finance, ["job_history_export"])
    with pytest.raises(BadUsage, match="only for members of some groups"):
        owner_of("ana", "job_history_export")
    with pytest.raises(BadUsage, match="only with groups that you belong to"):
        check_group(ana, "dataset_report", "Finance")
    opened.user_groups.add_member(finance, ana.user_id)
    assert owner_of("ana", "job_history_export") == ana
    check_group(ana, "dataset_report", "Finance")
