from base64 import urlsafe_b64encode
from uuid import uuid4

import pytest

from webapp.views.job_list.visible_rows import VisibleRows, decode


def test_visible_rows_survive_a_round_trip_through_a_url() -> None:
    one, two = uuid4(), uuid4()
    for cards, rows in (((), ()), ((one,), ()), ((), (one, two)), ((one,), (two,))):
        shown = decode(VisibleRows.of(cards, rows).encode())
        assert shown is not None
        assert (shown.cards, shown.rows, shown.ids) == (cards, rows, (*cards, *rows))
        assert shown.newest == max(shown.ids, default=None)
    fifty = VisibleRows.of(rows=[uuid4() for _ in range(50)])
    assert len(fifty.encode()) < 1100, "an address is not much longer than two thousand characters"


@pytest.mark.parametrize("raw", [b"", b"\1", b"\0" + b"x" * 15, b"\2" + b"x" * 16, b"\0" + b"x" * 16 * 65])
def test_any_other_text_is_ignored(raw: bytes) -> None:
    assert decode(urlsafe_b64encode(raw).decode()) is None
    assert decode("not base64!") is None
