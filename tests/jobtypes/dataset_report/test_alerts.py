"""What a report points out."""


def alerts(job):
    return [alert["text"] for alert in job.profile["alerts"]]


def test_columns_that_deserve_a_look_are_named(report_on):
    rows = ""
    for n in range(1, 41):
        gap, zero, mixed = "" if n % 3 else f"g{n % 5}", 0 if n % 4 else n, n if n % 5 else "none"
        rows += f"{n},same,{zero},{gap},{n * 2},{mixed}\n"
    found = alerts(report_on("id,constant,zero,gap,double,mixed\n" + rows))
    assert found == [
        "id and double go up and down together (r = 1).",
        "id has a different value in every row.",
        "constant always has the same value.",
        "zero is mostly zero.",
        "gap is mostly missing.",
        "double has a different value in every row.",
        "mixed is mixed: it is text, but 32 of the values are whole numbers.",
    ]


def test_strays_and_duplicates_are_counted(report_on):
    job = report_on("a,b\n" + "".join(f"{n},x\n" for n in range(99)) + "oops,x\n1,x\n")
    assert "One row repeats an earlier row (1.0 %)." in alerts(job)
    assert "a is mixed: 1 of the values are no whole numbers." in alerts(job)
    assert job.profile["duplicate_rows"] == 1


def test_a_column_without_values_has_one_alert(report_on):
    assert alerts(report_on("a,b\n1,\n2,\n")) == ["b has no values."]
