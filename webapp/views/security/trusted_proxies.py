"""What proxies say of a request counts only as far as trusted proxies say it.

Anyone can send ``X-Forwarded-For``. Each proxy adds the address that it saw, at the end, so the header is read from its
end. The protocol and the host that the browser used are those of the last proxy, if its address is listed.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from flask import Flask

from webapp.config import Settings

FROM_PROXY = "deskjob.from_proxy"  # in the environment of a request: a listed proxy sent it
_MOST = 20  # addresses of the header that are read, from its end
_HOST = re.compile(r"([\w.-]{1,253}|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?", re.ASCII | re.IGNORECASE).fullmatch


def init_app(app: Flask, settings: Settings) -> None:
    """Let a request have the address of the client; without trusted proxies nothing is changed."""
    if settings.trusted_proxies:
        app.wsgi_app = _behind(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]


def client_address(proxies: str, remote: str, forwarded: Sequence[str]) -> str:
    """Return the address of the client; ``proxies`` is their number, or their networks separated by commas."""
    chain = [*forwarded[-_MOST:], remote]
    if proxies.isdigit():
        hops = int(proxies)
        return chain[-hops - 1] if len(chain) > hops else chain[0]
    while len(chain) > 1 and _is_trusted(proxies, chain[-1]):
        chain.pop()
    return chain[-1]


def is_trusted_proxy(proxies: str, remote: str) -> bool:
    """Return whether a connection comes from a proxy; with their number only, every connection does."""
    return proxies.isdigit() or _is_trusted(proxies, remote)


def _is_trusted(proxies: str, address: str) -> bool:
    try:
        known = ip_address(address)
    except ValueError:  # a Unix socket has no address
        return False
    known = getattr(known, "ipv4_mapped", None) or known
    return any(known in ip_network(network.strip()) for network in proxies.split(","))


def _behind(answer: Callable[..., Iterable[bytes]], proxies: str) -> Callable[..., Iterable[bytes]]:
    def behind(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        forwarded, remote = list(_addresses(environ.get("HTTP_X_FORWARDED_FOR", ""))), environ.get("REMOTE_ADDR", "")
        environ["REMOTE_ADDR"] = client_address(proxies, remote, forwarded)
        environ[FROM_PROXY] = not proxies.isdigit() and _is_trusted(proxies, remote)
        if environ[FROM_PROXY]:
            _use_forwarded_address(environ)
        return answer(environ, start_response)

    return behind


def _use_forwarded_address(environ: dict[str, Any]) -> None:
    """Let the request have the protocol and the host that the browser used, if the proxy says them."""
    scheme, host = (_last(environ.get(f"HTTP_X_FORWARDED_{name}", "")) for name in ("PROTO", "HOST"))
    if scheme.lower() in {"http", "https"}:
        environ["wsgi.url_scheme"] = scheme.lower()
    if _HOST(host):
        environ["HTTP_HOST"] = host


def _last(header: str) -> str:
    return header.rpartition(",")[2].strip()


def _addresses(header: str) -> Iterable[str]:
    """Return the addresses of the header without ports; after an invalid one, only those to its right."""
    found: list[str] = []
    for part in reversed(header.split(",")):
        try:
            found.append(str(ip_address(_without_port(part.strip()))))
        except ValueError:
            break
    return reversed(found)


def _without_port(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
