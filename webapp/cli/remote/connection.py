"""Requests to the API of another installation, and its problems as the errors that commands know."""

import json
import re
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from itertools import count
from tempfile import TemporaryFile
from typing import IO, Any, NoReturn
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener
from uuid import UUID, uuid4

from webapp.cli.command_group import BadUsage, Failed
from webapp.jobs.model.job import IllegalTransition, short_id
from webapp.version import version

API = "/api/v1"
PAYLOAD = "#/payload"
_SECONDS = 60
_COPIED_AT_ONCE = 64 * 1024
_BUSY = frozenset({429, 503})  # answers after which the same request can be sent again
_LONGEST_WAIT = 60  # seconds of all waits for a busy installation
_REFUSED = frozenset({400, 413, 415, 422})


class _Refused(IllegalTransition):
    def __init__(self, sentence: str) -> None:
        """Use a sentence instead of statuses."""
        Exception.__init__(self, sentence)


class RemoteConflict(Failed, _Refused):
    """Raised when the installation refuses an action because of the state of a job or another object."""

    def __init__(self, detail: str, holder: UUID | None = None) -> None:
        """Take the sentence of the problem, and the job that holds the unique key, if that is the reason."""
        self._sentence = detail.partition(f" It is the job {holder}")[0]
        hint = f" Wait for the end of job {short_id(holder)}, or cancel it." if holder else ""
        super().__init__(f"{self._sentence}{hint}")

    def __str__(self) -> str:
        """Return the sentence without a hint."""
        return self._sentence


class RemoteNotFound(Failed):
    """Raised when the object does not exist, or the token cannot see it."""


class RemoteRefusal(BadUsage):
    """Raised when the installation refuses what was sent; ``errors`` maps places, such as ``#/payload/x``, to texts."""

    def __init__(self, detail: str, errors: Mapping[str, str]) -> None:
        """Join the sentences."""
        super().__init__(" ".join([detail, *(f"{place}: {text}" for place, text in errors.items())]))
        self.detail = detail
        self.errors = dict(errors)

    def below(self, root: str) -> dict[str, str] | None:
        """Return the errors by field if all are below one place of the body; None otherwise."""
        if not self.errors or not all(place == root or place.startswith(f"{root}/") for place in self.errors):
            return None
        return {place[len(root) + 1 :].replace("/", "."): text for place, text in self.errors.items()}


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
        try:
            parts = urlsplit(server)
            is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:  # a port that is no number
            is_address = False
        if not is_address:
            raise BadUsage(f"--server {server}: write an address such as https://jobs.example.org.")
        if not token.isascii() or not token.isprintable():
            raise BadUsage("The API token contains characters that no token has. Copy it again.")
        self.server = server.rstrip("/")
        self._root = f"{parts.scheme}://{parts.netloc}"
        self._token = token
        self._opener = build_opener(_NoRedirects)
        self._now: datetime | None = None

    def now(self) -> datetime:
        """Return the time of the installation, as of its last answer."""
        return self._now or datetime.now(UTC)

    def get(self, path: str, **query: object) -> Any:
        """Return the document at a path; ``query`` without None and empty values."""
        given = {name: value for name, value in query.items() if value not in {None, ""}}
        return self._document(self.open("GET", f"{path}?{urlencode(given)}" if given else path))

    def items(self, path: str, pages: int | None = None, **query: object) -> Iterator[Any]:
        """Iterate over a list, page by page: over all, or as many ``pages``."""
        page = self.get(path, **query)
        for number in count(1):
            yield from page["items"]
            if page["next"] is None or number == pages:
                return
            page = self._document(self.open("GET", page["next"]))

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """Send a document and return the answer; None if it has no body."""
        data = None if body is None else json.dumps(body, default=str).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        if method == "POST":
            headers["Idempotency-Key"] = uuid4().hex
        return self._document(self.open(method, path, data=data, headers=headers))

    def upload(self, path: str, job: Any, parts: Sequence[UploadPart]) -> Any:
        """Start a job with files, which are not held in memory."""
        boundary = uuid4().hex
        with TemporaryFile() as body:
            _write_parts(body, boundary, job, parts)
            size = body.tell()
            headers = {
                "Content-Type": f"multipart/form-data; boundary={boundary}",
                "Content-Length": str(size),
                "Idempotency-Key": uuid4().hex,
            }
            return self._document(self.open("POST", path, data=body, headers=headers))

    def open(
        self, method: str, path: str, *, data: Any = None, headers: Mapping[str, str] | None = None
    ) -> HTTPResponse:
        """Send a request and return the open answer; raise what a command knows for a problem.

        While the installation is busy, the request is sent again, for at most a minute.
        """
        waited = 0.0
        while True:
            try:
                answer = self._try(method, path, data, headers or {})
            except HTTPError as error:
                with error:
                    pause = _pause(error)
                    if pause is None or waited + pause > _LONGEST_WAIT:
                        self._raise(error, method, path)
                waited += pause
                time.sleep(pause)
                continue
            with suppress(TypeError, ValueError):
                self._now = parsedate_to_datetime(answer.headers["Date"])
            return answer

    def _try(self, method: str, path: str, data: Any, headers: Mapping[str, str]) -> HTTPResponse:
        if hasattr(data, "seek"):
            data.seek(0)
        request = Request(self._url(path), data=data, method=method)  # noqa: S310  (the scheme is checked)
        for name, value in {"Authorization": f"Bearer {self._token}", **headers}.items():
            request.add_header(name, value)
        try:
            answer: HTTPResponse = self._opener.open(request, timeout=_SECONDS)
        except HTTPError:
            raise
        except (URLError, HTTPException, OSError) as error:
            raise Failed(self._unreachable(error, method)) from None
        except KeyboardInterrupt:
            if method == "GET":
                raise
            raise Failed(
                f"Interrupted. {self.server} may have carried out the command; check before you repeat it."
            ) from None
        return answer

    def _url(self, path: str) -> str:
        return self._root + path if path.startswith("/") and f"{API}/" in path else f"{self.server}{API}{path}"

    def _document(self, answer: HTTPResponse) -> Any:
        """Return the JSON of an answer; None if it is empty."""
        try:
            with answer:
                text = answer.read()
        except (HTTPException, OSError) as error:
            raise Failed(f"{self.server} cut off its answer: {_reason(error)}") from None
        if not text and answer.status == 204:  # noqa: PLR2004
            return None
        try:
            return json.loads(text)
        except ValueError:
            raise Failed(self._no_api(answer.status, answer.headers.get_content_type())) from None

    def _unreachable(self, error: Exception, method: str) -> str:
        cause = error.reason if isinstance(error, URLError) else error
        if isinstance(cause, ssl.SSLCertVerificationError):
            hint = "If your own certificate authority signed it, name its file in the variable SSL_CERT_FILE."
            return f"The certificate of {self.server} cannot be verified: {cause.verify_message}. {hint}"
        if isinstance(cause, ssl.SSLError):
            return f"{self.server} cannot be reached by TLS: {cause.reason or cause}. Check https:// and the port."
        if isinstance(cause, TimeoutError):
            doubt = "" if method == "GET" else " It may have carried out the command; check before you repeat it."
            return f"{self.server} did not answer within {_SECONDS} s.{doubt}"
        return f"{self.server} cannot be reached: {_reason(cause)}"

    def _no_api(self, status: int, media_type: str) -> str:
        return (
            f"{self.server} answered {status} with {media_type} instead of JSON. Check whether it is the address "
            "of a Deskjob installation, and whether a proxy in between is working."
        )

    def _raise(self, error: HTTPError, method: str, path: str) -> NoReturn:
        if 300 <= error.code < 400:  # noqa: PLR2004
            target = re.sub(rf"{API}/.*", "", error.headers.get("Location", "another address"))
            raise Failed(
                f"{self.server} redirects to {target}. The token was not sent there; use that --server."
            ) from None
        problem = _problem(error)
        if problem is None:
            raise Failed(self._no_api(error.code, error.headers.get_content_type())) from None
        detail = str(problem.get("detail") or f"The server answered {error.code}.")
        errors = {
            each.get("pointer") or each.get("parameter", ""): each["detail"] for each in problem.get("errors", ())
        }
        if error.code in {404, 405} and (sentence := self._older(method, path)):
            raise Failed(sentence) from None
        if error.code == 404:  # noqa: PLR2004
            raise RemoteNotFound(detail) from None
        if error.code == 409:  # noqa: PLR2004
            raise RemoteConflict(detail, UUID(problem["job_id"]) if "job_id" in problem else None) from None
        if error.code in _REFUSED:
            if any(text.startswith("Unknown ") for text in errors.values()) and (other := self._other_version()):
                detail = f"{other} {detail}"
            raise RemoteRefusal(detail, errors) from None
        raise Failed(detail) from None

    def _older(self, method: str, path: str) -> str:
        """Return a sentence if the installation has no such operation; an empty text if it has."""
        wanted = path.partition("?")[0].rpartition(API)[2]
        if method == "GET" and re.fullmatch(r"/\w+/[^/]+", wanted):  # one object: every version has these
            return ""
        document = self._own_document()
        for template, operations in document.get("paths", {}).items():
            fits = re.fullmatch(re.sub(r"\\{\w+\\}", ".+", re.escape(template)), wanted)
            if fits and method.lower() in operations:
                return ""
        offered = document.get("info", {}).get("version")
        return (
            f"{self.server} runs Deskjob {offered}, which does not offer this. This is {version()}." if offered else ""
        )

    def _other_version(self) -> str:
        offered = self._own_document().get("info", {}).get("version")
        if offered in {None, version()}:
            return ""
        return f"{self.server} runs Deskjob {offered}; this is {version()}."

    def _own_document(self) -> Mapping[str, Any]:
        """Return what the installation says about its API; nothing if it does not."""
        try:
            with self._try("GET", "/openapi.json", None, {}) as answer:
                found: Mapping[str, Any] = json.load(answer)
        except (HTTPError, ValueError, Failed):
            return {}
        return found


def _problem(error: HTTPError) -> dict[str, Any] | None:
    with suppress(ValueError, OSError, HTTPException):
        found = json.load(error)
        return found if isinstance(found, dict) else None
    return None


def _pause(error: HTTPError) -> float | None:
    """Return the seconds after which the request can be sent again; None if that would not help."""
    if error.code not in _BUSY:
        return None
    with suppress(ValueError):
        return max(0.1, float(error.headers.get("Retry-After", "")))
    return None


def _reason(error: object) -> str:
    text = str(getattr(error, "strerror", None) or error) or type(error).__name__
    return text if text.endswith(".") else f"{text}."


def _write_parts(body: IO[bytes], boundary: str, job: Any, parts: Sequence[UploadPart]) -> None:
    body.write(f'--{boundary}\r\nContent-Disposition: form-data; name="job"\r\n\r\n'.encode())
    body.write(json.dumps(job, default=str).encode() + b"\r\n")
    for part in parts:
        field, name = map(_header_text, (part.field, part.name))
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
        body.write(f"{head}Content-Type: application/octet-stream\r\n\r\n".encode())
        while chunk := part.content.read(_COPIED_AT_ONCE):
            body.write(chunk)
        body.write(b"\r\n")
    body.write(f"--{boundary}--\r\n".encode())


def _header_text(text: str) -> str:
    for sign, code in (("\\", "\\\\"), ('"', "%22"), ("\r", "%0D"), ("\n", "%0A")):
        text = text.replace(sign, code)
    return text
