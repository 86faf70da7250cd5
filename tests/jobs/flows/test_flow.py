"""Descriptions of flows: what is refused, each with one sentence and its place."""

from collections.abc import Callable

import pytest

from webapp.jobs.flows.flow import MOST_EDGES, MOST_JOBS, Flow, FlowEdge, InvalidFlow, OnFailure


def test_edges_are_in_the_order_of_the_jobs() -> None:
    flow = Flow("Report")
    first = flow.spawn("fetch")
    second = flow.spawn("report", name="north").after(first)
    flow.spawn("mail").after(first, second, on_failure="run")
    flow.check()
    assert flow.edges == [
        FlowEdge("fetch", "north"),
        FlowEdge("fetch", "mail", OnFailure.RUN),
        FlowEdge("north", "mail", OnFailure.RUN),
    ]


def test_a_name_can_belong_to_a_later_job() -> None:
    flow = Flow("Report")
    flow.spawn("mail").after("fetch")
    flow.spawn("fetch")
    flow.check()


def circle(flow: Flow) -> None:
    flow.spawn("a").after("c")
    flow.spawn("b").after("a")
    flow.spawn("c").after("b")


def twice(flow: Flow) -> None:
    flow.spawn("a")
    flow.spawn("a")


def follows_twice(flow: Flow) -> None:
    flow.spawn("a")
    flow.spawn("b").after("a").after("a", on_failure="run")


def too_many_jobs(flow: Flow) -> None:
    for number in range(MOST_JOBS + 1):
        flow.spawn("a", name=str(number))


def too_many_edges(flow: Flow) -> None:
    half = MOST_JOBS // 2
    first = [flow.spawn("a", name=f"a{number}") for number in range(half)]
    for number in range(MOST_EDGES // half + 1):
        flow.spawn("b", name=f"b{number}").after(*first)


BAD: list[tuple[Callable[[Flow], object], str, tuple[str | int, ...]]] = [
    (lambda flow: None, "The flow “Bad” has no jobs.", ("jobs",)),
    (
        lambda flow: flow.spawn("a", name="two\nlines"),
        "The name of a job in a flow must be a line of",
        ("jobs", 0, "name"),
    ),
    (twice, "Two jobs of the flow have the name “a”. Give each a name of its own.", ("jobs", 1, "name")),
    (
        lambda flow: flow.spawn("b").after("z"),
        "The job “b” follows “z”, but the flow has no job of that name.",
        ("jobs", 0, "after", 0),
    ),
    (follows_twice, "The job “b” follows “a” twice.", ("jobs", 1, "after", 1)),
    (lambda flow: flow.spawn("a").after("a"), "wait for each other in a circle: a → a.", ("jobs", 0, "after")),
    (circle, "wait for each other in a circle: ", ("jobs",)),
    (too_many_jobs, "A flow can have at most 1,000 jobs, not 1,001.", ("jobs",)),
    (too_many_edges, "A flow can have at most 10,000 edges, not 10,500.", ("jobs",)),
    (lambda flow: flow.spawn("a").after("a", on_failure="stop"), "must be one of “cancel”, “run”, “wait”, not", ()),
    (lambda flow: flow.spawn("a").after(7), "follows a job of its flow, or the name of one, not 7.", ()),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("describe", "sentence", "place"), BAD)
def test_a_bad_flow_is_refused_with_one_sentence(
    describe: Callable[[Flow], object], sentence: str, place: tuple[str | int, ...]
) -> None:
    flow = Flow("Bad")
    with pytest.raises(InvalidFlow) as refused:
        describe(flow)
        flow.check()
    assert sentence in str(refused.value)
    assert refused.value.place[: len(place)] == place


def test_a_flow_needs_a_title() -> None:
    flow = Flow(" ")
    flow.spawn("a")
    with pytest.raises(InvalidFlow, match="The title of a flow must be a text"):
        flow.check()


def test_a_long_circle_is_shortened() -> None:
    flow = Flow("Bad")
    for number in range(20):
        flow.spawn("a", name=f"n{number}").after(f"n{(number + 1) % 20}")
    with pytest.raises(InvalidFlow, match=r"circle: n\d+ → n\d+ → n\d+ → n\d+ → … → n\d+\."):
        flow.check()
