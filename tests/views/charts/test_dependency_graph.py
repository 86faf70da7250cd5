"""The layout of a graph: every edge goes to the right, and no two boxes overlap."""

from uuid import UUID

from webapp.views.charts.dependency_graph import NODE_HEIGHT, NODE_WIDTH, lay_out

A, B, C, D = (UUID(int=number) for number in range(1, 5))


def test_a_job_is_to_the_right_of_its_dependencies() -> None:
    places = {node.id: node for node in lay_out([A, B, C, D], [(A, B), (B, C), (A, C), (A, D)]).nodes}
    assert places[A].x < places[B].x < places[C].x
    assert places[D].x == places[B].x
    assert abs(places[D].y - places[B].y) > NODE_HEIGHT


def test_the_order_of_ids_does_not_matter() -> None:
    places = {node.id: node for node in lay_out([C, B, A], [(A, B), (B, C)]).nodes}
    assert places[A].x < places[B].x < places[C].x


def test_the_picture_holds_all_boxes_and_draws_each_edge() -> None:
    layout = lay_out([A, B], [(A, B)])
    assert layout.width >= layout.nodes[1].x + NODE_WIDTH
    assert layout.paths[0].startswith(f"M{layout.nodes[0].x + NODE_WIDTH} ")
