from webapp.jobs.definition.upload_rules import format_size, join_with_or


def test_alternatives_are_joined_with_or() -> None:
    assert [join_with_or([]), join_with_or(["a"]), join_with_or(["a", "b"]), join_with_or(["a", "b", "c"])] == [
        "",
        "a",
        "a or b",
        "a, b or c",
    ]


def test_sizes_are_formatted_with_a_unit() -> None:
    assert [format_size(1), format_size(205_000), format_size(2 * 1024**3)] == ["1 byte", "205 kB", "2.1 GB"]
