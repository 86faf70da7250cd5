"""Turns an operation into a Flask view: scope, right, query, body and idempotency key, then the answer as JSON."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any
from uuid import UUID

from flask import Response, abort, request
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_json

from webapp.accounts.idempotent_requests import KEY_LIMIT, StoredAnswer
from webapp.api.json_body import BadJson, read_json
from webapp.api.operations import Operation, Reply
from webapp.api.problems import InvalidInput, validation_errors
from webapp.jobs.model.json_values import storable_text
from webapp.views.page.permissions import demand
from webapp.views.page.request import services, signed_in
from webapp.views.security.bearer_token import api_token

KEY_HEADER = "Idempotency-Key"
_JSON = "application/json"
_REVALIDATED = "private, no-cache"  # kept by a client, and asked about with the ETag each time
_REDIRECTS = 300


def view_of(operation: Operation) -> Callable[..., Response]:
    """Return the view of an operation."""

    def view(**path: Any) -> Response:
        require_scope(operation)
        arguments = {**path, **_input(operation)}
        key = request.headers.get(KEY_HEADER) if operation.takes_key else None
        if key is None or operation.takes_files:
            return respond(operation.handler(**arguments))
        return answer_once(key, _fingerprint(), lambda: respond(operation.handler(**arguments)))

    view.__name__ = operation.name
    return view


def require_scope(operation: Operation) -> None:
    """End the request unless the token has the scopes and its user the right."""
    for scope in operation.scopes:
        if not {scope, operation.own_scope} & api_token().scopes:
            abort(403, f"This token does not have the scope “{scope}”.")
    if operation.right is not None:
        demand(operation.right)


def respond(result: Any) -> Response:
    """Return a result as a response."""
    if isinstance(result, Response):
        return result
    reply = result if isinstance(result, Reply) else Reply(document=result)
    body = b"" if reply.document is None else to_json(reply.document, inf_nan_mode="null", timedelta_mode="float")
    response = Response(body, reply.status if body or reply.status != 200 else 204, mimetype=_JSON)  # noqa: PLR2004
    if "ETag" in reply.headers:
        response.headers["Cache-Control"] = _REVALIDATED
    response.headers.update(reply.headers)
    return response


def answer_once(key: str, fingerprint: bytes, act: Callable[[], Response]) -> Response:
    """Carry out a request, or return the answer to the same request with the same key."""
    if not 0 < len(key) <= KEY_LIMIT or not key.isprintable() or storable_text(key) != key:
        raise BadJson(f"The header {KEY_HEADER} must have 1 to {KEY_LIMIT} printable characters.")
    requests, user_id = services().idempotent_requests, signed_in().id
    if stored := requests.begin(user_id, key, fingerprint):
        return Response(stored.body, stored.status, dict(stored.headers))
    try:
        response = act()
    except BaseException:
        requests.release(user_id, key)
        raise
    if response.status_code >= _REDIRECTS:
        requests.release(user_id, key)
        return response
    headers = {name: value for name, value in response.headers.items() if name in {"Content-Type", "Location", "ETag"}}
    requests.complete(
        user_id, key, StoredAnswer(status=response.status_code, headers=headers, body=response.get_data(as_text=True))
    )
    return response


def fingerprint_of(*parts: bytes) -> bytes:
    """Return a digest of a request: method, address, and the parts of its body."""
    digest = sha256()
    for part in (request.method.encode(), request.full_path.encode(errors="replace"), *parts):
        digest.update(len(part).to_bytes(8) + part)
    return digest.digest()


def read_body(model: Any, values: Any) -> Any:
    """Return the values as the model; raise `InvalidInput`."""
    try:
        return _adapter(model).validate_python(values)
    except ValidationError as error:
        raise InvalidInput(*validation_errors(error, in_body=True)) from None


def _input(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {"query": _query(operation.query)} if operation.query else {}
    if operation.query is None and request.args:
        raise InvalidInput({"parameter": next(iter(request.args))[:80], "detail": "Unknown parameter."})
    if operation.body is not None and not operation.takes_files:
        found["body"] = read_body(operation.body, _json_or_nothing())
    return found


def _query(model: type[BaseModel]) -> BaseModel:
    values: Mapping[str, Any] = {name: request.args.get(name) for name in request.args}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InvalidInput(*validation_errors(error, in_body=False)) from None


def _json_or_nothing() -> Any:
    if not request.content_length and "Transfer-Encoding" not in request.headers:
        return {}
    if request.mimetype != _JSON:
        abort(415, f"Send the body as {_JSON}.")
    return read_json()


def _fingerprint() -> bytes:
    return fingerprint_of(request.get_data())


@lru_cache(200)
def _adapter(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def unique_request_key(user_id: UUID, key: str, fingerprint: bytes) -> str:
    """Return the key under which the engine creates one job for a request, whatever happens to this process."""
    return f"api-{sha256(user_id.bytes + fingerprint + key.encode()).hexdigest()}"
