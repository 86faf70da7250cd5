from webapp.jobtypes.tables.engine.column_parts import TablePart, different, divided, joined_objects, joined_rows


def test_a_wide_table_is_divided_with_the_column_of_its_filter(tmp_path):
    source = tmp_path / "table.csv"
    source.write_text('1;"a;b";x\n2;"two\nlines";y\n')
    columns = [{"place": place, "name": name} for place, name in ((2, "c"), (0, "a"), (1, "b"))]
    table = {"path": str(source), "delimiter": ";"}
    whole = TablePart(table=table, width=3, columns=columns, row_filter={"place": 2, "comparison": "is present"})
    assert divided(whole, 3) == [whole]
    first, second = divided(whole, 2)
    assert [(column["name"], column["place"]) for column in first.columns] == [("c", 0), ("a", 1)]
    assert (first.width, first.row_filter["place"], second.width, second.row_filter["place"]) == (3, 2, 2, 1)
    assert (tmp_path / "table.0").read_text() == "x;1;x\ny;2;y\n"
    assert (tmp_path / "table.1").read_text() == '"a;b";x\n"two\nlines";y\n'


def test_what_was_written_of_the_parts_is_joined_line_by_line(tmp_path):
    parts = [tmp_path / "0", tmp_path / "1"]
    for part, text in zip(parts, ('a,b\n1,"x\ny"\n', "c\n\n"), strict=True):
        part.write_text(text)
    assert [*joined_rows(parts)] == [["a", "b", "c"], ["1", "x\ny", ""]]
    for part, text in zip(parts, ('{"a":1,"b":{}}\n', '{"c":null}\n'), strict=True):
        part.write_text(text)
    assert [*joined_objects(parts)] == [b'{"a":1,"b":{},"c":null}\n']


def test_equal_lines_are_left_out_and_similar_ones_are_not():
    assert [*different([["a", "b"], ["ab", ""], ["a", "b"]])] == [["a", "b"], ["ab", ""]]
    assert [*different([b"1", b"2", b"1"])] == [b"1", b"2"]
