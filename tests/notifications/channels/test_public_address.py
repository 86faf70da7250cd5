import socket

import pytest

from webapp.notifications.channels import public_address
from webapp.notifications.channels.public_address import PrivateAddress, connect, is_allowed, parse_networks

PRIVATE = (
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::"),
    *("224.0.0.1", "255.255.255.255", "ff02::1", "198.18.0.1", "192.0.2.1"),
)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_refused(address):
    assert not is_allowed(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_a_public_address_is_allowed(address):
    assert is_allowed(address)


def test_a_network_of_the_setting_is_allowed():
    networks = parse_networks("10.0.0.0/8, 127.0.0.1,")
    assert is_allowed("10.9.8.7", networks)
    assert is_allowed("::ffff:127.0.0.1", networks)
    assert not is_allowed("192.168.0.1", networks)


def resolve_to(monkeypatch, *addresses):
    """Let a name point to these addresses, one after the other, as when somebody rebinds it."""
    answers = iter(addresses)

    def getaddrinfo(_host, port, **_):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in next(answers)]

    monkeypatch.setattr(public_address.socket, "getaddrinfo", getaddrinfo)


def test_a_name_with_a_private_address_is_refused_before_anything_is_sent(monkeypatch):
    resolve_to(monkeypatch, ["8.8.8.8", "10.0.0.1"])
    monkeypatch.setattr(public_address, "_first_open", lambda *_: pytest.fail("It must not connect."))
    with pytest.raises(PrivateAddress, match=r"evil.example.org \(10.0.0.1\) is not a public address"):
        connect("evil.example.org", 443, 1.0)


def test_the_checked_address_is_the_one_that_is_reached(monkeypatch):
    resolve_to(monkeypatch, ["8.8.8.8"], ["127.0.0.1"])
    reached = []
    monkeypatch.setattr(public_address, "_first_open", lambda found, _: reached.extend(found))
    connect("rebound.example.org", 443, 1.0)  # a second look-up would answer with another address
    assert [entry[-1] for entry in reached] == [("8.8.8.8", 443)]


def test_the_next_address_is_tried(receiver, monkeypatch):
    port = int(receiver.url.rsplit(":", 1)[1].partition("/")[0])
    resolve_to(monkeypatch, ["127.0.0.2", "127.0.0.1"])
    with connect("two.example.org", port, 1.0, parse_networks("127.0.0.0/8")) as connection:
        assert connection.getpeername() == ("127.0.0.1", port)
