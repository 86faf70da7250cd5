"""``X-Forwarded-For`` is believed only as far as trusted proxies wrote it."""

from pathlib import Path

import pytest
from flask import Flask, request

from webapp.config import BadSettingError, load
from webapp.views.security import trusted_proxies

SPOOFED, CLIENT, INNER, PROXY = "203.0.113.9", "198.51.100.7", "10.0.0.2", "10.0.0.1"


def seen(folder: Path, proxies: str, header: str | None, remote: str = PROXY) -> str:
    app = Flask("probe")
    app.add_url_rule("/", view_func=lambda: request.remote_addr or "")
    trusted_proxies.init_app(app, load(data_dir=folder, trusted_proxies=proxies))
    headers = {} if header is None else {"X-Forwarded-For": header}
    return app.test_client().get("/", headers=headers, environ_overrides={"REMOTE_ADDR": remote}).text


@pytest.mark.parametrize(
    ("proxies", "header", "expected"),
    [
        ("", CLIENT, PROXY),
        ("0", CLIENT, PROXY),
        ("1", None, PROXY),
        ("1", f"{SPOOFED}, {CLIENT}", CLIENT),
        ("2", f"{SPOOFED}, {CLIENT}, {INNER}", CLIENT),
        ("2", CLIENT, CLIENT),
        ("10.0.0.0/8", f"{SPOOFED}, {CLIENT}, {INNER}", CLIENT),
        ("10.0.0.1, 192.0.2.0/24", f"{CLIENT}, {INNER}", INNER),
        ("192.0.2.0/24", CLIENT, PROXY),
        ("10.0.0.0/8", "10.1.1.1", "10.1.1.1"),
        ("1", f"{CLIENT}:4711", CLIENT),
        ("1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("1", "unknown", PROXY),
        ("2", f"junk, {CLIENT}", CLIENT),
    ],
)
def test_the_address_is_that_of_the_client(tmp_path: Path, proxies: str, header: str | None, expected: str) -> None:
    assert seen(tmp_path, proxies, header) == expected


def test_a_stranger_past_the_proxy_is_not_believed(tmp_path: Path) -> None:
    assert seen(tmp_path, "10.0.0.0/8", CLIENT, remote=SPOOFED) == SPOOFED


@pytest.mark.parametrize(
    ("proxies", "remote", "headers", "expected"),
    [
        ("10.0.0.0/8", PROXY, {"Proto": "https", "Host": "jobs.example.org"}, "https://jobs.example.org/"),
        (
            "10.0.0.0/8",
            PROXY,
            {"Proto": "http, HTTPS", "Host": "evil, jobs.example.org:8443"},
            "https://jobs.example.org:8443/",
        ),
        ("10.0.0.0/8", PROXY, {"Host": "[2001:db8::1]:8080"}, "http://[2001:db8::1]:8080/"),
        ("10.0.0.0/8", PROXY, {"Proto": "gopher", "Host": "a b"}, "http://localhost/"),
        ("10.0.0.0/8", PROXY, {"Host": "jobs.example.org/x@evil"}, "http://localhost/"),
        ("10.0.0.0/8", SPOOFED, {"Proto": "https", "Host": "jobs.example.org"}, "http://localhost/"),
        ("1", PROXY, {"Proto": "https", "Host": "jobs.example.org"}, "http://localhost/"),
        ("", PROXY, {"Proto": "https", "Host": "jobs.example.org"}, "http://localhost/"),
    ],
)
def test_protocol_and_host_are_those_of_a_listed_proxy(
    tmp_path: Path, proxies: str, remote: str, headers: dict[str, str], expected: str
) -> None:
    app = Flask("probe")
    app.add_url_rule("/", view_func=lambda: request.host_url)
    trusted_proxies.init_app(app, load(data_dir=tmp_path, trusted_proxies=proxies))
    sent = {f"X-Forwarded-{name}": value for name, value in headers.items()}
    assert app.test_client().get("/", headers=sent, environ_overrides={"REMOTE_ADDR": remote}).text == expected


@pytest.mark.parametrize("value", ["-1", "nginx", "10.0.0.0/33", "10.0.0.1/8"])
def test_a_bad_setting_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(BadSettingError, match="DESKJOB_TRUSTED_PROXIES"):
        load(data_dir=tmp_path, trusted_proxies=value)
