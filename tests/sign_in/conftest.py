from collections.abc import Iterator

import pytest

from tests.sign_in.openid_server import OpenIdServer, serving


@pytest.fixture
def openid() -> Iterator[OpenIdServer]:
    with serving() as server:
        yield server
