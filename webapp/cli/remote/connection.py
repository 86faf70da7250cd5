"""Requests to the API of another installation, and its problems as the errors that commands know."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from tempfile import TemporaryFile
from typing import IO, Any, NoReturn
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener
from uuid import uuid4

from webapp.cli.command_group import BadUsage, Failed
from webapp.jobs.definition.job_type import InvalidPayload
from webapp.jobs.definition.registry import UnknownJobType
from webapp.jobs.model.job import IllegalTransition
from webapp.jobs.store.job_store import JobNotFound

API = "/api/v1"
_SECONDS = 60
_COPIED_AT_ONCE = 64 * 1024
_PAYLOAD = "#/payload"


class RemoteConflict(IllegalTransition):
    """Raised when the installation refuses an action because of the state of a job."""

    def __init__(self, detail: str) -> None:
        """Take the sentence of the problem."""
        Exception.__init__(self, detail)


@dataclass(frozen=True, slots=True)
class UploadPart:
    """A file to send: the field of the payload, its name, and its open content."""

    field: str
    name: str
    content: IO[bytes]


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow nowhere: a token must not be sent to another address."""


class Connection:
    """An installation and the token with which its API is used."""

    def __init__(self, server: str, token: str) -> None:
        """Raise `BadUsage` for an address that is none."""
        parts = urlsplit(server)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise BadUsage(f"--server {server}: write an address such as https://jobs.example.org.")
        self.server = server.rstrip("/")
        self._root = f"{parts.scheme}://{parts.netloc}"
        self._token = token
        self._opener = build_opener(_NoRedirects)

    def get(self, path: str, **query: object) -> Any:
        """Return the document at a path; ``query`` without None and empty values."""
        given = {name: value for name, value in query.items() if value not in {None, ""}}
        return json.load(self.open("GET", f"{path}?{urlencode(given)}" if given else path))

    def items(self, path: str, **query: object) -> Iterator[Any]:
        """Iterate over a list, page by page."""
        page = self.get(path, **query)
        while True:
            yield from page["items"]
            if page["next"] is None:
                return
            page = json.load(self.open("GET", page["next"]))

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """Send a document and return the answer; None if it has no body."""
        data = None if body is None else json.dumps(body, default=str).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        if method == "POST":
            headers["Idempotency-Key"] = uuid4().hex
        answer = self.open(method, path, data=data, headers=headers).read()
        return json.loads(answer) if answer else None

    def upload(self, path: str, job: Any, parts: Sequence[UploadPart]) -> Any:
        """Start a job with files, which are not held in memory."""
        boundary = uuid4().hex
        with TemporaryFile() as body:
            _write_parts(body, boundary, job, parts)
            size = body.tell()
            body.seek(0)
            headers = {
                "Content-Type": f"multipart/form-data; boundary={boundary}",
                "Content-Length": str(size),
                "Idempotency-Key": uuid4().hex,
            }
            return json.load(self.open("POST", path, data=body, headers=headers))

    def open(
        self, method: str, path: str, *, data: Any = None, headers: Mapping[str, str] | None = None
    ) -> HTTPResponse:
        """Send a request and return the open answer; raise what a command knows for a problem."""
        url = self._root + path if path.startswith("/") and API in path else f"{self.server}{API}{path}"
        request = Request(url, data=data, method=method)  # noqa: S310  (the scheme is checked)
        for name, value in {"Authorization": f"Bearer {self._token}", **(headers or {})}.items():
            request.add_header(name, value)
        try:
            answer: HTTPResponse = self._opener.open(request, timeout=_SECONDS)
        except HTTPError as error:
            _raise(error, path)
        except (URLError, HTTPException, OSError) as error:
            reason = getattr(error, "reason", error)
            raise Failed(f"{self.server} cannot be reached: {reason}") from None
        return answer


def _write_parts(body: IO[bytes], boundary: str, job: Any, parts: Sequence[UploadPart]) -> None:
    body.write(f'--{boundary}\r\nContent-Disposition: form-data; name="job"\r\n\r\n'.encode())
    body.write(json.dumps(job, default=str).encode() + b"\r\n")
    for part in parts:
        field, name = (text.replace("\\", "\\\\").replace('"', "%22") for text in (part.field, part.name))
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
        body.write(f"{head}Content-Type: application/octet-stream\r\n\r\n".encode())
        while chunk := part.content.read(_COPIED_AT_ONCE):
            body.write(chunk)
        body.write(b"\r\n")
    body.write(f"--{boundary}--\r\n".encode())


def _raise(error: HTTPError, path: str) -> NoReturn:
    problem: dict[str, Any] = {}
    with suppress(ValueError):
        problem = json.load(error)
    detail = str(problem.get("detail") or f"The server answered {error.code}.")
    if error.code == 404 and "/jobs/" in path:  # noqa: PLR2004
        raise JobNotFound(path.rpartition("/jobs/")[2].partition("/")[0].partition("?")[0]) from None
    if error.code == 409:  # noqa: PLR2004
        raise RemoteConflict(detail) from None
    if error.code in {400, 413, 415, 422}:
        _raise_invalid(problem.get("errors", ()), detail)
    raise Failed(detail) from None


def _raise_invalid(errors: Any, detail: str) -> NoReturn:
    by_place = {each.get("pointer") or each.get("parameter", ""): each["detail"] for each in errors}
    if by_place and all(place.startswith(_PAYLOAD) for place in by_place):
        fields = {place[len(_PAYLOAD) + 1 :].replace("/", "."): text for place, text in by_place.items()}
        raise InvalidPayload("", fields) from None
    if "#/type" in by_place:
        raise UnknownJobType("") from None
    raise BadUsage(" ".join([detail, *(f"{place}: {text}" for place, text in by_place.items())])) from None
