from webapp.jobs.definition.upload_rules import one_of, size


def test_alternatives_are_enumerated() -> None:
    assert [one_of([]), one_of(["a"]), one_of(["a", "b"]), one_of(["a", "b", "c"])] == ["", "a", "a or b", "a, b or c"]


def test_sizes_read_as_files_do() -> None:
    assert [size(1), size(205_000), size(2 * 1024**3)] == ["1 byte", "205 kB", "2.1 GB"]
