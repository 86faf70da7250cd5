import pytest

from webapp.notifications.channels.chat_address import UnsafeChat, parse_chat_address

TELEGRAM = "tgram://123456789:abcdefg_hijklmnop/12315544/"


@pytest.mark.parametrize(
    "address",
    [
        f"{TELEGRAM}?template=/etc/passwd",
        f"{TELEGRAM}?TEMPLATE=/etc/passwd",
        f"{TELEGRAM}?format=text;%74emplate=/etc/passwd",
        f"{TELEGRAM}?format=text&template=file:///etc/passwd",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ?template=https://example.org/",
        "workflow://host/aaaaaaaaaaaaaaaaaaaaaaa/bbbbbbbbbbbbbbbbbbb?template=/etc/passwd",
        "ntfy://ntfy.sh/topic?attach=/etc/passwd",
        "jsons://example.org/?rto=100000",
    ],
)
def test_options_that_name_files_or_wait_are_refused(address):
    with pytest.raises(UnsafeChat, match=r"^The option \w+ cannot be part"):
        parse_chat_address(address)


@pytest.mark.parametrize("address", ["syslog://", "mailtos://user:secret@example.org", "https://example.org/", "//"])
def test_other_services_are_refused(address):
    with pytest.raises(UnsafeChat, match=r"^Deskjob cannot send to this kind of chat"):
        parse_chat_address(address)


def test_a_second_address_after_a_comma_is_no_service():
    for separator in (",", ";", "%2C"):
        try:
            parts = parse_chat_address(f"json://example.org{separator}mailtos://user:secret@example.org?smtp=127.0.0.1")
        except UnsafeChat:
            continue
        assert parts["schema"] == "json"


def test_usual_addresses_are_parsed():
    for address in (
        TELEGRAM,
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general?footer=no",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js?avatar=no&thread=12",
        "mmosts://bot@chat.example.org/token?channel=town-square",
        "ntfys://example.org/topic?priority=high",
    ):
        assert parse_chat_address(address)["schema"] == address.partition(":")[0]
