"""Request bodies with files: complete, broken, too long or without a length."""

from collections.abc import Callable, Iterator
from io import BytesIO, RawIOBase
from typing import Any

import pytest
from flask import Flask, g, request
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st
from werkzeug.exceptions import RequestEntityTooLarge

from tests.exhaustive import examples
from tests.stored_files import everything
from webapp.accounts.user import User
from webapp.config import Settings
from webapp.services import Services
from webapp.views.forms import streaming_uploads
from webapp.views.forms.streaming_uploads import SMALL_BODY, expects_files
from webapp.views.page.user_shares import uploads

LIMIT = 100_000
EDGE = b"edge"
TYPE = "multipart/form-data; boundary=edge"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"max_upload_bytes": LIMIT})


@pytest.fixture
def app(app: Flask) -> Flask:
    """Add a page that keeps what it is sent, and one that expects no files."""

    @app.post("/keep")
    @expects_files(lambda: 2)
    def keep() -> dict[str, Any]:
        return {name: _size(file) for name, file in request.files.items(multi=True) if file.filename}

    @app.post("/break")
    @expects_files(lambda: 2)
    def break_down() -> str:
        raise ValueError(request.files["a"].filename)

    @app.post("/small")
    def small() -> dict[str, Any]:
        return {name: len(value) for name, value in request.form.items()} | {"files": len(request.files)}

    return app


def _size(file: Any) -> int:
    return int(file.stream.keep(file.filename).size)


@pytest.fixture
def client(client_of: Callable[[User], FlaskClient], user: User) -> FlaskClient:
    return client_of(user)


@pytest.fixture
def on_disk(services: Services) -> Callable[[], int]:
    return lambda: len(everything(services.files))


def body(*parts: tuple[str, str | None, bytes], end: bool = True) -> bytes:
    lines = []
    for name, filename, content in parts:
        named = f'; filename="{filename}"' if filename is not None else ""
        lines.append(
            b'--%s\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
            % (EDGE, name.encode(), named.encode(), content)
        )
    return b"".join(lines) + (b"--%s--\r\n" % EDGE if end else b"")


class Disconnected(RawIOBase):
    """A body that breaks off."""

    def __init__(self, data: bytes, error: Exception | None = None) -> None:
        self._data, self._error = BytesIO(data), error

    def readinto(self, buffer: Any) -> int:
        count = self._data.readinto(buffer)
        if not count and self._error:
            raise self._error
        return count

    def readable(self) -> bool:
        return True


def send(client: FlaskClient, path: str, data: bytes, **environ: Any) -> Any:
    return client.post(path, data=data, content_type=TYPE, environ_overrides=environ)


def test_files_arrive_whole_and_are_kept_by_a_rename(client: FlaskClient, on_disk: Callable[[], int]) -> None:
    answer = send(client, "/keep", body(("a", "a.csv", b"x" * LIMIT), ("b", "b.csv", b"")))
    assert answer.json == {"a": LIMIT, "b": 0}
    assert on_disk() == 2


class Meanwhile(RawIOBase):
    """A body during which something else happens."""

    def __init__(self, data: bytes, happens: Callable[[], object]) -> None:
        self._data, self._happens = BytesIO(data), happens

    def readinto(self, buffer: Any) -> int:
        happens, self._happens = self._happens, lambda: None
        happens()
        return self._data.readinto(buffer)

    def readable(self) -> bool:
        return True


def test_a_user_cannot_hold_every_thread_that_reads_uploads(
    client: FlaskClient,
    client_of: Callable[[User], FlaskClient],
    person: Callable[..., User],
    user: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(uploads, "limit", 1)
    monkeypatch.setattr(streaming_uploads, "SMALL_BODY", 500)
    large = body(("a", "a.csv", b"x" * 1000))
    others = {"the same": client_of(user), "another": client_of(person("ben"))}
    answers: dict[str, Any] = {}

    def send_others() -> None:
        answers.update({name: send(other, "/keep", large) for name, other in others.items()})
        answers["a small form"] = send(others["the same"], "/keep", body(("a", "a.csv", b"x")))

    first = send(client, "/keep", large, **{"wsgi.input": Meanwhile(large, send_others)})
    after = send(client, "/keep", large)
    refused = answers.pop("the same")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
    assert "You are uploading too many files at once. Wait until one is complete." in refused.text
    assert {answer.status_code for answer in (first, after, *answers.values())} == {200}


def test_one_byte_over_the_limit_is_refused_with_a_sentence(client: FlaskClient, on_disk: Callable[[], int]) -> None:
    answer = send(client, "/keep", body(("b", "b.csv", b"kept?"), ("a", "a.csv", b"x" * (LIMIT + 1))))
    assert answer.status_code == 413
    assert "larger than the limit of 100 kB" in answer.text
    assert on_disk() == 0


def test_a_disk_that_is_full_is_said_on_the_page_and_nothing_stays(
    client: FlaskClient, on_disk: Callable[[], int], file_size_limit: Callable[[int], Any]
) -> None:
    with file_size_limit(95_000):
        answer = send(client, "/keep", body(("a", "a.csv", b"x" * LIMIT)))
    assert answer.status_code == 507
    assert "<h1>The disk is full</h1>" in answer.text
    assert "Existing data is not affected" in answer.text
    assert on_disk() == 0
    assert send(client, "/keep", body(("a", "a.csv", b"x" * LIMIT))).status_code == 200


def test_a_body_that_says_it_is_too_long_is_refused_at_once(client: FlaskClient, on_disk: Callable[[], int]) -> None:
    answer = send(client, "/keep", body(("a", "a.csv", b"x" * (2 * LIMIT + SMALL_BODY))))
    assert answer.status_code == 413
    assert "100 kB" in answer.text
    assert on_disk() == 0


def test_a_body_without_a_length_is_limited_while_it_comes(client: FlaskClient, on_disk: Callable[[], int]) -> None:
    data = body(("a", "a.csv", b"x" * 10), ("text", None, b"y" * (2 * LIMIT + SMALL_BODY)))
    answer = client.post(
        "/keep",
        input_stream=BytesIO(data),
        content_type=TYPE,
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )
    assert answer.status_code == 413
    assert on_disk() == 0


@pytest.mark.parametrize("error", [None, OSError("reset")])
def test_nothing_stays_of_an_upload_that_breaks_off(
    client: FlaskClient, on_disk: Callable[[], int], error: Exception | None
) -> None:
    data = body(("a", "a.csv", b"x" * 50_000), end=False)
    answer = client.post(
        "/keep",
        content_type=TYPE,
        environ_overrides={"wsgi.input": Disconnected(data, error), "CONTENT_LENGTH": str(len(data) + 1000)},
    )
    assert answer.status_code == 400
    assert on_disk() == 0


def test_nothing_stays_when_the_view_fails(client: FlaskClient, on_disk: Callable[[], int], app: Flask) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert send(client, "/break", body(("a", "a.csv", b"x"))).status_code == 500
    assert on_disk() == 0


def test_an_anonymous_upload_is_discarded(app: Flask, on_disk: Callable[[], int]) -> None:
    answer = send(app.test_client(), "/keep", body(("a", "a.csv", b"x")))
    assert answer.status_code == 303
    assert on_disk() == 0


def test_a_form_without_its_token_leaves_nothing(client: FlaskClient, on_disk: Callable[[], int]) -> None:
    client.environ_base.pop("HTTP_X_CSRFTOKEN")
    assert send(client, "/keep", body(("a", "a.csv", b"x"))).status_code == 400
    assert on_disk() == 0


def test_a_page_that_expects_no_files_takes_none(client: FlaskClient, on_disk: Callable[[], int]) -> None:
    answer = send(client, "/small", body(("a", "a.csv", b"x" * 1000), ("b", None, b"text")))
    assert answer.json == {"b": 4, "files": 1}
    assert on_disk() == 0


def test_a_page_that_expects_no_files_takes_small_bodies_only(client: FlaskClient) -> None:
    answer = send(client, "/small", body(("b", None, b"x" * SMALL_BODY)))
    assert answer.status_code == 413
    assert "larger than the limit of 1 MB" in answer.text


def test_more_files_than_expected_are_refused(client: FlaskClient, on_disk: Callable[[], int]) -> None:
    parts = [(str(number), "a.csv", b"x") for number in range(3)]
    assert send(client, "/keep", body(*parts)).status_code == 413
    assert on_disk() == 0


def test_a_part_without_a_filename_is_no_file(client: FlaskClient, on_disk: Callable[[], int]) -> None:
    assert send(client, "/keep", body(("a", "", b"hidden"), ("b", "", b""))).json == {}
    assert on_disk() == 0


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=other", "text/plain"])
def test_a_body_that_is_not_a_form_has_no_files(
    client: FlaskClient, on_disk: Callable[[], int], content_type: str
) -> None:
    answer = client.post("/keep", data=body(("a", "a.csv", b"x")), content_type=content_type)
    assert (answer.status_code, answer.json) == (200, {})
    assert on_disk() == 0


def test_a_part_without_a_name_is_ignored(client: FlaskClient, on_disk: Callable[[], int]) -> None:
    client.environ_base.pop("HTTP_X_CSRFTOKEN")
    nameless = body(("a", None, b"x"), ("b", "b.csv", b"x")).replace(b'name="a"', b"x").replace(b'name="b"', b"x")
    assert send(client, "/small", nameless).status_code == 400
    assert send(client, "/keep", nameless).status_code == 400
    assert on_disk() == 0


@rules(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=400), cut=st.integers(0, 400))
def test_no_body_breaks_the_parser_or_stays(
    client: FlaskClient, on_disk: Callable[[], int], data: bytes, cut: int
) -> None:
    whole = body(("a", "a.csv", data), ("b", None, data), ("a", "", data))
    mixed = whole[:cut] + data + whole[cut:]
    before = on_disk()
    answer = send(client, "/small", mixed)
    assert answer.status_code in {200, 400, 413}
    assert on_disk() == before
    assert send(client, "/break", mixed).status_code in {400, 500}
    assert on_disk() == before


def test_the_rest_of_a_refused_body_is_read_so_the_response_is_shown(
    app: Flask, user: User, services: Services
) -> None:
    source = BytesIO(body(("a", "a.csv", b"x" * 3_000_000)))
    with app.test_request_context("/keep", method="POST", input_stream=source, content_type=TYPE) as context:
        context.request.environ["CONTENT_LENGTH"] = str(len(source.getvalue()))
        context.request.__dict__["expected_files"] = 1
        g._login_user = user
        with pytest.raises(RequestEntityTooLarge):
            _ = context.request.form
    assert source.tell() == len(source.getvalue())


@pytest.fixture(autouse=True)
def _no_drafts(services: Services) -> Iterator[None]:
    yield
    assert not [path for path in everything(services.files) if "drafts" in str(path)]
