"""What is different from an earlier file."""


def test_columns_and_shifts_are_compared(report_on):
    earlier = "id,price,region,old\n" + "".join(f"{n},{n % 7 + 10},{'N' if n % 2 else 'S'},x\n" for n in range(60))
    later = "id,price,region,new\n" + "".join(f"{n},{n % 7 + 30},{'N' if n % 3 else 'W'},{n}\n" for n in range(60))
    comparison = report_on(later, earlier=earlier).profile["comparison"]
    assert (comparison["file"], comparison["rows"]) == ("earlier.csv", 60)
    assert (comparison["added"], comparison["removed"]) == (["new"], ["old"])
    assert comparison["changes"] == [
        "price: the mean was 12.9 and is 32.9.",
        "region: the value W is new.",
    ]


def test_kinds_and_gaps_are_compared(report_on):
    comparison = report_on("a,b\nx,1\ny,\nz,\n", earlier="a,b\n1,1\n2,2\n3,3\n").profile["comparison"]
    assert comparison["changes"][:2] == [
        "a was integer and is text.",
        "b: 0.0 % of the values were missing, now 66.7 % are.",
    ]


def test_equal_files_have_no_changes(report_on):
    job = report_on("a\n1\n2\n", earlier="a\n1\n2\n")
    assert job.profile["comparison"]["changes"] == []
    assert "distributed alike" in job.html
