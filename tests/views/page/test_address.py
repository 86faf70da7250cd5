"""Addresses with absurd values: every route, with every argument that it reads, answers without a server error."""

import re
from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime
from urllib.parse import quote, urlencode

import pytest
from flask import Flask, request
from flask.testing import FlaskClient

from tests.exhaustive import exhaustive
from tests.views.page.url_access import ROUTES
from webapp.views.page.address import (
    HIGHEST_INTEGER,
    MOST_TEXT,
    Arguments,
    bounded_day,
    bounded_integer,
    bounded_moment,
)

VALUES = (
    "99999999999999999999",
    "a\0b",
    str(HIGHEST_INTEGER),
    "0001-01-01",
    "-9223372036854775809",
    "9999-12-31T23:59:59-23:59",
    "x" * 3000,
    "9999-12-31",
    "\0",
    "0001-01-01T00:00+23:59",
    "\u202e<script>\ud800",
    "' OR 1=1; --%_\\",
    "0001-01-01T00:00:00+00:00~0",
)
SERVER_ERROR = 500
_arguments = dict[str, list[str]]()  # the names that the view of each endpoint reads
_ARGUMENT = re.compile(r"<(?:[^<>:]*:)?(\w+)>")


@pytest.fixture
def reader(app: Flask, admins: FlaskClient) -> FlaskClient:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return admins


@pytest.fixture
def read_arguments(
    reader: FlaskClient, address_of: Callable[[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> dict[str, list[str]]:
    """Return the addresses that can be read, each with the names of the arguments that its view reads."""
    asked: dict[str, set[str]] = defaultdict(set)
    real = Arguments.get

    def get(self: Arguments, key: str, *arguments: object, **options: object) -> object:
        if request and self is request.args:
            asked[request.endpoint or ""].add(key)
        return real(self, key, *arguments, **options)

    addresses = {endpoint: address_of(endpoint, method) for endpoint, method in ROUTES if method == "GET"}
    if _arguments:  # of an earlier test, whose objects had other ids
        return {addresses[endpoint]: names for endpoint, names in _arguments.items()}
    with monkeypatch.context() as patched:
        patched.setattr(Arguments, "get", get)
        for address in addresses.values():
            reader.get(address, headers={"HX-Request": "true"})
    assert {"q", "after", "object", "since"} <= {name for names in asked.values() for name in names}
    _arguments.update({endpoint: sorted(asked[endpoint]) for endpoint in addresses})
    return {addresses[endpoint]: names for endpoint, names in _arguments.items()}


def encoded(**arguments: str) -> str:
    return urlencode({name: value.encode("utf-8", "surrogatepass") for name, value in arguments.items()})


# Each value with each argument on PostgreSQL, which is strict about numbers, texts and dates. By default, one value
# with every third argument.
@pytest.mark.parametrize(
    ("database", "start"),
    [("sqlite", 0), *(exhaustive("postgresql", start) for start in range(len(VALUES)))],
    indirect=["database"],
)
def test_no_argument_causes_a_server_error(
    reader: FlaskClient, read_arguments: dict[str, list[str]], database: str, start: int
) -> None:
    pairs = [(address, name) for address, names in read_arguments.items() for name in names]
    failed = []
    for number, (address, name) in enumerate(pairs if database == "postgresql" else pairs[::3], start):
        wanted = f"{address}?{encoded(**{name: VALUES[number % len(VALUES)]})}"
        response = reader.get(wanted, headers={"HX-Request": "true"} if number % 2 else {})
        if response.status_code >= SERVER_ERROR:
            failed.append(wanted)
    assert failed == []


@pytest.mark.parametrize(
    ("database", "value"),
    [("sqlite", VALUES[1]), *(exhaustive("postgresql", value) for value in VALUES)],
    indirect=["database"],
)
def test_no_path_causes_a_server_error(app: Flask, reader: FlaskClient, database: str, value: str) -> None:
    failed = [
        (method, path)
        for rule in app.url_map.iter_rules()
        if "<" in rule.rule
        for path in [_ARGUMENT.sub(quote(value.encode("utf-8", "surrogatepass"), safe=""), rule.rule)]
        for method in {"GET", "POST"} & (rule.methods or set())
        if reader.open(path, method=method).status_code >= SERVER_ERROR
    ]
    assert failed == []


def test_an_integer_that_no_column_holds_counts_as_missing() -> None:
    arguments = Arguments([("a", "99999999999999999999"), ("a", "7"), ("b", str(HIGHEST_INTEGER)), ("c", "x")])
    assert arguments.get("a", 1, int) == 1
    assert arguments.getlist("a", type=int) == [7]
    assert arguments.get("b", type=int) == HIGHEST_INTEGER
    assert arguments.get("c", type=int) is None
    assert arguments.get("a") == "99999999999999999999"
    with pytest.raises(ValueError, match="is too large"):
        bounded_integer("-9223372036854775809")


def test_texts_of_an_address_have_no_nul_and_a_length(app: Flask) -> None:
    with app.test_request_context(f"/jobs?q=a%00b&long={'x' * 10_000}&q=c"):
        assert request.args.getlist("q") == ["a\ufffdb", "c"]
        assert len(request.args["long"]) == MOST_TEXT


@pytest.mark.parametrize(
    ("path", "status"),
    [("/notices/9223372036854775808/read", 404), ("/notices/9223372036854775807/read", 303), ("/notices/0/read", 303)],
)
def test_a_number_of_a_path_fits_into_its_column(reader: FlaskClient, path: str, status: int) -> None:
    assert reader.post(path).status_code == status


def test_days_and_moments_stay_where_zones_can_be_applied() -> None:
    assert bounded_day(date.min) == date(1000, 1, 1)
    assert bounded_day(date(2026, 2, 3)) == date(2026, 2, 3)
    assert bounded_day(date.max) == date(9000, 12, 31)
    early, late = datetime.fromisoformat("0001-01-01T00:00+23:59"), datetime.fromisoformat("9999-12-31T23:59-23:59")
    usual = datetime.fromisoformat("2026-02-03T04:05+02:00")
    moments = [bounded_moment(moment).isoformat() for moment in (early, late, usual)]
    assert moments == ["1000-01-01T00:00:00+00:00", "9000-12-31T00:00:00+00:00", "2026-02-03T04:05:00+02:00"]
