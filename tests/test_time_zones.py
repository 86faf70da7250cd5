from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from webapp.time_zones import find_time_zone, local_time, places, time_zones


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("  berlin ", "Europe/Berlin"),
        ("New York", "America/New_York"),
        ("america/new york", "America/New_York"),
        ("Wien", "Europe/Vienna"),
        ("Zürich", "Europe/Zurich"),
        ("São Paulo", "America/Sao_Paulo"),
        ("utc", "UTC"),
        ("UTC", "UTC"),
    ],
)
def test_a_zone_is_found_by_its_name_and_its_city(typed: str, zone: str) -> None:
    assert find_time_zone(typed) == zone


@pytest.mark.parametrize("typed", ["", "Atlantis", "Mars/Base", "America", "../../etc/passwd", "/etc/passwd", "\0"])
def test_other_texts_find_nothing(typed: str) -> None:
    assert find_time_zone(typed) is None


def test_every_zone_finds_itself_and_every_city_a_zone_of_that_city() -> None:
    assert [zone for zone in time_zones() if find_time_zone(zone) != zone] == []
    cities = {zone: zone.rpartition("/")[2] for zone in places()}
    assert [city for city in cities.values() if not (find_time_zone(city) or "").endswith(city)] == []


def test_a_time_at_an_end_of_the_calendar_stays_in_its_own_zone() -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    for zone in map(ZoneInfo, ("Pacific/Auckland", "America/Sao_Paulo")):
        assert local_time(first, zone) == first
        assert local_time(last, zone) == last
    assert local_time(datetime(2026, 1, 1, tzinfo=UTC), ZoneInfo("Asia/Tokyo")).hour == 9
