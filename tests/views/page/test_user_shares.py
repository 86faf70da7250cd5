from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.jobs.model.job import Job
from webapp.jobs.store.attachments import Attachment
from webapp.processes.web_server.page_worker import STREAMS, UPLOADS
from webapp.views.page.user_shares import UserShare, shared, stored_files, streams, uploads


def test_no_user_holds_more_than_half_of_the_threads() -> None:
    assert (uploads.limit, streams.limit) == (UPLOADS // 2, STREAMS // 2)


def test_each_user_is_counted_while_something_lasts() -> None:
    share, ana, ben = UserShare(1), uuid4(), uuid4()
    with share.counting(ana) as first, share.counting(ana) as second, share.counting(ben) as other:
        assert (first, second, other) == (1, 2, 1)
    with pytest.raises(ZeroDivisionError), share.counting(ana) as count:
        assert count / 0
    with share.counting(ana) as count:
        assert count == 1


def test_a_user_receives_a_few_generated_responses_at_once(
    app: Flask, client_of: Callable[[User], FlaskClient], user: User, admin: User
) -> None:
    @app.get("/generated")
    def generated() -> Response:
        def parts() -> Iterator[bytes]:
            yield b"part"

        return shared(Response(parts()))

    def get(client: FlaskClient) -> Any:
        return client.get("/generated", buffered=False)

    client = client_of(user)
    open_ones = [get(client) for _ in range(streams.limit)]
    assert {answer.status_code for answer in open_ones} == {200}
    refused = get(client)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
    assert "too many lists and archives" in refused.text
    assert client_of(admin).get("/generated").data == b"part"
    for answer in open_ones:
        answer.close()
    assert client.get("/generated").data == b"part"
    assert not streams._counts


@pytest.mark.storages
@pytest.mark.parametrize("storage", ["s3"])
@pytest.mark.usefixtures("storage")
def test_a_user_receives_some_files_of_a_bucket_at_once(
    client_of: Callable[[User], FlaskClient],
    user: User,
    admin: User,
    put: Callable[..., Job],
    attach: Callable[..., Attachment],
) -> None:
    file = attach(put(), "report.pdf", b"x" * 100)
    address, client = f"/jobs/{file.job_id}/files/{file.id}", client_of(user)
    open_ones = [client.get(address, buffered=False) for _ in range(stored_files.limit)]
    assert {answer.status_code for answer in open_ones} == {200}
    refused = client.get(address)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
    assert "too many files" in refused.text
    assert client_of(admin).get(address).status_code == 200
    for answer in open_ones:
        answer.close()
        answer.close()
    assert client.get(address).data == b"x" * 100
    assert not stored_files._counts
