import pytest
from redis import __version__ as redis_version

from webapp.jobs.rq_queue.redis_connection import connect


def test_a_connection_names_its_library_without_reading_the_metadata_of_packages(
    valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("redis.utils.get_lib_version", lambda: pytest.fail("was read"))
    connection = connect(valkey_url)
    info = connection.client_info()
    assert (info["lib-name"], info["lib-ver"]) == ("redis-py", redis_version)
