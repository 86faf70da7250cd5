import pytest

from webapp.processes.web_server.incoming_request import BODY_LIMIT, HEAD_SECONDS, Arrival, IncomingRequest

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
FORM = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nname=ana"
CHUNKED = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;x=1\r\nyou\r\n0\r\n\r\n"
TRAILERS = CHUNKED[:-2] + b"Digest: x\r\n\r\n"
INCOMPLETE = {Arrival.NOTHING, Arrival.PART_OF_HEAD, Arrival.PART_OF_BODY}


def head(*lines: str) -> bytes:
    return "\r\n".join(("POST / HTTP/1.1", *lines, "", "")).encode()


@pytest.mark.parametrize("sent", [GET, FORM, CHUNKED, TRAILERS], ids=["get", "form", "chunked", "trailers"])
def test_a_request_is_complete_with_its_last_byte(sent: bytes) -> None:
    request = IncomingRequest()
    arrivals = [request.feed(sent[position : position + 1]) for position in range(len(sent))]
    assert set(arrivals[:-1]) <= INCOMPLETE
    assert arrivals[-1] is Arrival.COMPLETE
    assert request.take() == sent
    assert request.size == 0


@pytest.mark.parametrize("sent", [GET, FORM, CHUNKED], ids=["get", "form", "chunked"])
def test_the_bytes_of_the_next_request_are_kept(sent: bytes) -> None:
    request = IncomingRequest()
    assert request.feed(sent + b"GET /next") is Arrival.COMPLETE
    assert request.take() == sent + b"GET /next"


def test_empty_lines_before_a_request_are_ignored() -> None:
    request = IncomingRequest()
    assert request.feed(b"\r\n") is Arrival.NOTHING
    assert request.feed(b"\r\n" + GET) is Arrival.COMPLETE
    assert request.take() == GET


def test_a_body_that_is_too_large_to_collect_is_not_waited_for() -> None:
    assert IncomingRequest().feed(head(f"Content-Length: {BODY_LIMIT + 1}")) is Arrival.LARGE
    assert IncomingRequest().feed(head(f"Content-Length: {BODY_LIMIT}")) is Arrival.PART_OF_BODY


def test_a_chunked_body_is_collected_up_to_the_limit() -> None:
    request = IncomingRequest()
    request.feed(head("Transfer-Encoding: chunked"))
    chunk = b"8000\r\n" + bytes(0x8000) + b"\r\n"
    arrivals = [request.feed(chunk) for _ in range(BODY_LIMIT // len(chunk) + 1)]
    assert set(arrivals[:-1]) == {Arrival.PART_OF_BODY}
    assert arrivals[-1] is Arrival.LARGE


@pytest.mark.parametrize(
    "sent",
    [
        b"x" * 1_000_001,
        head("Content-Length: many"),
        head("Content-Length: -5"),
        head("Transfer-Encoding: chunked") + b"no size\r\n",
        head("Transfer-Encoding: chunked") + b"1" * 1000,
        head("Transfer-Encoding: chunked") + b"0\r\n" + b"x" * 20_000,
    ],
    ids=["endless head", "no number", "negative", "no chunk size", "endless size", "endless trailers"],
)
def test_a_malformed_request_is_left_to_the_parser(sent: bytes) -> None:
    assert IncomingRequest().feed(sent) is Arrival.COMPLETE


def test_a_larger_body_has_more_time() -> None:
    small, large = IncomingRequest(), IncomingRequest()
    assert small.seconds == HEAD_SECONDS
    small.feed(head("Content-Length: 100"))
    large.feed(head("Content-Length: 900000"))
    assert HEAD_SECONDS < small.seconds < large.seconds


def test_a_client_can_ask_before_it_sends_a_body() -> None:
    request = IncomingRequest()
    request.feed(head("Expect: 100-continue", "Content-Length: 3"))
    assert request.waits_for_continue
    request.feed(b"a")
    assert not request.waits_for_continue


def test_a_poll_is_known_by_its_own_head() -> None:
    poll, page, form = IncomingRequest(), IncomingRequest(), IncomingRequest()
    poll.feed(b"GET /jobs/_live HTTP/1.1\r\nHost: x\r\nx-poll: 1\r\n\r\n")
    page.feed(GET + b"GET /jobs/_live HTTP/1.1\r\nX-Poll: 1\r\n\r\n")
    form.feed(head("Content-Length: 15") + b"a=\r\nX-Poll: 1\r\n")
    assert [request.is_poll for request in (poll, page, form)] == [True, False, False]
