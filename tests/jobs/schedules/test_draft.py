"""A draft is validated as a whole, with one sentence per invalid field."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from webapp.jobs.schedules.draft import InvalidSchedule, ScheduleDraft
from webapp.schema import schedules
from webapp.services import Services

DRAFT = ScheduleDraft(name="Nightly", rule="0 2 * * *", zone="Europe/Madrid")


def count(services: Services) -> int:
    with services.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(schedules)).scalar_one()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"rule": "60 * * * *"}, "rule"),
        ({"rule": "0 0 31 2 *"}, "rule"),
        ({"zone": "Mars/Base"}, "zone"),
        ({"zone": "../../etc/passwd"}, "zone"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "\u200b"}, "name"),
        ({"missed": "never"}, "missed"),
        ({"queue": "typo"}, "queue"),
        ({"tags": ("a,b",)}, "tags"),
        ({"priority": -1}, "priority"),
        ({"priority": "high"}, "priority"),
        ({"name": 7}, "name"),
        ({"rule": None}, "rule"),
        ({"zone": 1}, "zone"),
        ({"priority": 10_001}, "priority"),
    ],
    ids=str,
)
def test_an_invalid_draft_is_refused_and_nothing_is_stored(
    services: Services, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidSchedule) as refused:
        services.schedules.add("nothing", {}, replace(DRAFT, **values))
    assert list(refused.value.errors) == [field]
    assert count(services) == 0


def test_a_name_is_stored_without_invisible_characters(services: Services) -> None:
    stored = services.schedules.add("nothing", {}, replace(DRAFT, name=" \u200bشب\u200cکم\ufeff "))
    assert stored.name == "شب\u200cکم"
    with pytest.raises(InvalidSchedule, match="already exists"):
        services.schedules.add("nothing", {}, replace(DRAFT, name="شب\u200cکم\u200b"))


def test_the_character_that_a_name_cannot_contain_is_named(services: Services) -> None:
    with pytest.raises(InvalidSchedule, match=r"A name cannot contain the character U\+0007\."):
        services.schedules.check(replace(DRAFT, name="Night\x07ly"))


def test_all_invalid_fields_are_reported_together(services: Services) -> None:
    with pytest.raises(InvalidSchedule) as refused:
        services.schedules.check(ScheduleDraft(name="", rule="H", zone="Mars/Base", queue="typo"))
    assert set(refused.value.errors) == {"name", "queue", "rule"}


def test_a_draft_of_a_schedule_has_its_settings(services: Services) -> None:
    draft = replace(DRAFT, missed="all", one_at_a_time=True, queue="default", priority=7)
    assert ScheduleDraft.from_schedule(services.schedules.add("nothing", {}, draft)) == draft
