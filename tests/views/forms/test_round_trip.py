from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from tests.exhaustive import examples
from tests.views.forms.every_kind import Column, Depth, EveryKind, Region, Urgency
from tests.views.forms.form_filling import sent
from webapp.views.forms.payload_form import PayloadForm, form_values, initial_values

MADRID = ZoneInfo("Europe/Madrid")
# What no form can tell apart stays out: "" from nothing, CR from LF, finer than a millisecond.
CHARACTERS = st.characters(blacklist_categories=["Cs", "Cc"]) | st.just("\n")
TEXT = st.text(CHARACTERS, min_size=1, max_size=40)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECONDS = st.integers(0, 999).map(lambda count: count * 1000)
MOMENTS = st.integers(-(10**12) * 2, 10**13).map(lambda count: EPOCH + timedelta(milliseconds=count))
JSON = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
PAYLOADS = st.builds(
    EveryKind,
    report_name=TEXT,
    remarks=st.text(CHARACTERS, max_size=300),
    rows=st.integers(1, 1000),
    multiple=st.none() | st.integers(1, 50).map(lambda count: 5 * count),
    ratio=st.floats(0, 1, exclude_min=True, exclude_max=True),
    price=st.decimals(0, 9999, places=2),
    since=st.dates(),
    until=st.none() | st.dates(),
    start_at=st.none() | MOMENTS,
    daily_at=st.builds(time, st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), MILLISECONDS),
    patience=st.timedeltas(timedelta(days=-9), timedelta(days=9)),
    notify=st.booleans(),
    quiet=st.sampled_from([None, True, False]),
    depth=st.sampled_from(Depth),
    urgency=st.sampled_from(Urgency),
    region=st.sampled_from(Region),
    format=st.sampled_from(["csv", "xlsx"]),
    columns=st.sets(st.sampled_from(["name", "size", "date"])).map(
        lambda chosen: [name for name in ["name", "size", "date"] if name in chosen]
    ),
    tags=st.lists(st.text(CHARACTERS, max_size=20) | st.sampled_from(['["a"]', " x ", "", "a\nb"]), max_size=4),
    limits=st.lists(st.integers(), max_size=3),
    email=st.sampled_from([None, "ana@example.org", "a+b@sub.example.org"]),
    page=st.sampled_from([None, "https://example.org/", "https://example.org/a?b=%20c&d=1#e"]),
    mapping=st.dictionaries(TEXT, st.integers(), max_size=3),
    layout=st.lists(st.builds(Column, name=TEXT, width=st.integers()), max_size=2),
    anything=st.none() | JSON,
    data=st.just({"name": "a.csv", "size": 1, "sha256": "00"}),
)


@pytest.mark.parametrize("zone", [UTC, MADRID])
@settings(max_examples=examples(150), suppress_health_check=[HealthCheck.too_slow])
@given(payload=PAYLOADS)
def test_a_payload_shown_in_a_form_and_sent_back_is_the_same_payload(zone: tzinfo, payload: EveryKind) -> None:
    assume(payload.start_at is None or not payload.start_at.astimezone(zone).fold)  # an hour that the clock shows twice
    shown = PayloadForm(EveryKind, zone=zone, initial=initial_values(payload))
    values = form_values(EveryKind, sent("".join(field() for field in shown)), zone)
    assert EveryKind.model_validate({**values, "data": payload.data}) == payload


@settings(max_examples=examples(200), suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(sorted(EveryKind.model_fields)), st.text(max_size=60))))
def test_any_input_is_answered_with_sentences_and_shown_again(typed: list[tuple[str, str]]) -> None:
    form = PayloadForm(EveryKind, zone=MADRID, typed=MultiDict(typed))
    assert not form.accepts()  # no file was chosen
    assert all(sentence.endswith(".") for errors in form.errors.values() for sentence in errors)
    assert "".join(field() for field in form)
