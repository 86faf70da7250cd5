"""`/metrics`, for Prometheus: from listed addresses, with the token of the settings, or with an API token.

A reverse proxy on this machine connects from a loopback address for everybody. So the address of a connection counts
only if `TRUSTED_PROXIES` says which proxies name the client, or if nothing indicates a proxy.
"""

from hmac import compare_digest
from ipaddress import ip_address, ip_network

from flask import Blueprint, Response, abort, current_app, request
from prometheus_client.exposition import choose_encoder
from sqlalchemy.exc import DBAPIError
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from webapp.accounts.permissions import Right, may
from webapp.accounts.tokens import Scope, acting_user
from webapp.jobs.monitoring.figures import InstallationFigures
from webapp.views.metrics import families
from webapp.views.metrics.request_counts import request_counts_of
from webapp.views.page.request import services

bp = Blueprint("metrics", __name__)
_OF_PROXIES = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Forwarded", "Via")


@bp.get("/metrics")
def show() -> Response:
    """Return the figures as text, in the format that the client accepts."""
    _require_access()
    encode, media_type = choose_encoder(request.headers.get("Accept", ""))
    counts = request_counts_of(current_app._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001
    found = families.of_web(counts) + families.of_installation(_figures())
    return Response(encode(families.Families(found)), content_type=media_type)


def _figures() -> InstallationFigures | None:
    try:
        return services().figures.recent()
    except DBAPIError:
        return None


def _require_access() -> None:
    scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        if not (_is_configured_token(text.strip()) or _is_api_token(text.strip())):
            _refuse("This token is unknown, expired or revoked.", had_token=True)
    elif not _is_listed_address():
        _refuse("Send a token: “Authorization: Bearer …”. DESKJOB_METRICS_TOKEN is one.", had_token=False)


def _is_configured_token(text: str) -> bool:
    token = services().settings.metrics_token
    return token is not None and compare_digest(token.get_secret_value().encode(), text.encode(errors="replace"))


def _is_api_token(text: str) -> bool:
    found = services().tokens.find(text, address=request.remote_addr or "")
    if found is None:
        return False
    user, token = found
    if Scope.METRICS not in token.scopes:
        abort(403, f"This token does not have the scope “{Scope.METRICS}”.")
    if not may(acting_user(user, token.scopes), Right.SEE_INSTALLATION):
        abort(403, "The account of this token cannot see the installation.")
    return True


def _is_listed_address() -> bool:
    settings = services().settings
    proxied = settings.public_url or any(name in request.headers for name in _OF_PROXIES)
    if proxied and not settings.trusted_proxies:
        return False
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:  # a Unix socket has none
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    networks = filter(None, (network.strip() for network in settings.metrics_addresses.split(",")))
    return any(address in ip_network(network) for network in networks)


def _refuse(sentence: str, *, had_token: bool) -> None:
    parameters: dict[str, str | None] = {
        "realm": "deskjob metrics",
        **({"error": "invalid_token"} if had_token else {}),
    }
    raise Unauthorized(sentence, www_authenticate=WWWAuthenticate("bearer", parameters))
