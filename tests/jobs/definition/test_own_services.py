"""Services of an application's own: declared next to job types, made for each attempt, closed after it."""

from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any

import pytest

from webapp.jobs.definition.declaration import BadJobType
from webapp.jobs.definition.own_services import OwnService, ServiceProvider, job_service, refuse_circular_service

calls: list[str] = []


class Paper:
    """A service of Deskjob."""


class Printer:
    def __init__(self, paper: Paper) -> None:
        self.paper = paper


class Office:
    def __init__(self, printer: Printer) -> None:
        self.printer = printer


@pytest.fixture(autouse=True)
def nothing_called() -> None:
    calls.clear()


@job_service
def printer(paper: Paper) -> Iterator[Printer]:
    calls.append("open printer")
    try:
        yield Printer(paper)
    except ValueError as error:
        calls.append(f"failed: {error}")
    calls.append("close printer")


@job_service
def office(printer: Printer) -> Office:
    calls.append("make office")
    return Office(printer)


PAPER = Paper()
OWN = {own.provides: own for own in (printer, office)}


def call(function: Callable[..., Any], **needs: type) -> Any:
    return ServiceProvider({Paper: PAPER}, OWN).call(function, needs)


def test_services_are_made_once_in_order_and_closed_after_the_call() -> None:
    def use(office: Office, printer: Printer, paper: Paper) -> str:
        calls.append("use")
        assert (office.printer is printer, printer.paper is paper is PAPER) == (True, True)
        return "done"

    assert call(use, office=Office, printer=Printer, paper=Paper) == "done"
    assert calls == ["open printer", "make office", "use", "close printer"]


def test_what_is_not_needed_is_not_made() -> None:
    assert call(lambda: 7) == 7
    assert call(lambda paper: paper, paper=Paper) is PAPER
    assert calls == []


def test_an_error_reaches_the_service_and_is_never_swallowed() -> None:
    def use(printer: Printer) -> None:
        raise ValueError("no ink")

    with pytest.raises(ValueError, match="no ink"):
        call(use, printer=Printer)
    assert calls == ["open printer", "failed: no ink", "close printer"]


def test_an_error_in_the_making_of_a_service_is_not_swallowed_by_another() -> None:
    @job_service
    def jammed(printer: Printer) -> Office:
        raise ValueError("no room")

    own = {Printer: printer, Office: jammed}
    with pytest.raises(ValueError, match="no room"):
        ServiceProvider({Paper: PAPER}, own).call(lambda office: office, {"office": Office})
    assert calls == ["open printer", "failed: no room", "close printer"]


def test_an_error_while_closing_is_raised() -> None:
    @job_service
    def broken() -> Iterator[Office]:
        yield Office(Printer(PAPER))
        raise RuntimeError("not closed")

    with pytest.raises(RuntimeError, match="not closed"):
        ServiceProvider({}, {Office: broken}).call(lambda office: office, {"office": Office})


def test_a_service_must_be_of_its_class() -> None:
    @job_service
    def wrong() -> Office:
        return PAPER  # type: ignore[return-value]

    with pytest.raises(TypeError, match=r"wrong .*test_own_services\.py:\d+\) made .*, not a Office\."):
        ServiceProvider({}, {Office: wrong}).call(lambda office: office, {"office": Office})


def test_a_service_can_be_called_in_a_test() -> None:
    assert office(printer=Printer(PAPER)).printer.paper is PAPER


def untyped():  # type: ignore[no-untyped-def]
    return PAPER


def nothing() -> None:
    """Make nothing."""


def text() -> "Missing":  # type: ignore[name-defined]  # noqa: F821
    """Name a class that does not exist."""


def union() -> Paper | None:
    return PAPER


def lazy() -> Iterator:  # type: ignore[type-arg]
    yield PAPER


def plain_iterator() -> Iterator[Paper]:
    return iter([PAPER])


async def coroutine() -> Paper:
    return PAPER


async def agenerator() -> AsyncIterator[Paper]:
    yield PAPER


def with_default(paper: Paper | None = None) -> Office:
    return Office(Printer(paper or PAPER))


def with_rest(*paper: Paper) -> Office:
    return Office(Printer(paper[0]))


@pytest.mark.parametrize(
    "make",
    [untyped, nothing, text, union, lazy, plain_iterator, coroutine, agenerator, with_default, with_rest, Office, 7],
)
def test_a_bad_service_is_refused_in_one_sentence_with_its_place(make: Any) -> None:
    with pytest.raises(BadJobType) as refused:
        job_service(make)
    sentence = str(refused.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    code = getattr(make, "__code__", None)
    assert not code or sentence.startswith(f"{__file__}:{code.co_firstlineno}: ")


def test_a_generator_can_be_declared_as_one() -> None:
    def both() -> Generator[Paper, None, None]:
        yield PAPER

    assert (job_service(both).provides, job_service(both).closes) == (Paper, True)


def test_a_service_that_needs_itself_is_refused() -> None:
    @job_service
    def one(office: Office) -> Printer:
        return office.printer

    @job_service
    def two(printer: Printer) -> Office:
        return Office(printer)

    known: dict[type, OwnService] = {Printer: one, Office: two}
    for own in known.values():
        with pytest.raises(BadJobType, match="needs itself"):
            refuse_circular_service(own, known)
    for own in OWN.values():
        refuse_circular_service(own, OWN)
