import shlex

from webapp.api.code_samples import code_sample, example_of, upload_sample

URL = "https://jobs.example.org/api/v1/jobs"


def test_a_quote_in_a_value_breaks_no_line() -> None:
    sample = code_sample("POST", URL, {"title": 'Ana\'s "job" $HOME'})
    words = shlex.split(sample.curl)
    assert words[-2:] == ['{"title": "Ana\'s \\"job\\" $HOME"}', URL]
    compile(sample.python, "sample", "eval")


def test_the_method_is_named_where_curl_would_choose_another() -> None:
    assert "-X" not in code_sample("GET", URL).curl
    assert "-X" not in code_sample("POST", URL, {}).curl
    assert "-X POST" in code_sample("POST", URL).curl
    assert "-X PATCH" in code_sample("PATCH", URL, {}).curl


def test_a_file_is_a_part() -> None:
    assert shlex.split(upload_sample(URL, {"type": "x"}, "table"))[3:] == [
        "-F",
        'job={"type": "x"}',
        "-F",
        "table=@table.csv",
        URL,
    ]


def test_an_example_is_what_a_schema_needs() -> None:
    schema = {
        "properties": {
            "a": {"type": "string"},
            "b": {"type": "integer", "minimum": 5},
            "c": {"enum": ["x", "y"]},
            "d": {"$ref": "#/components/schemas/D"},
            "e": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
            "f": {"type": "string"},
        },
        "required": ["a", "b", "c", "d", "e"],
    }
    components = {"D": {"properties": {"z": {"examples": [7]}}, "required": ["z"]}}
    assert example_of(schema, components) == {"a": "text", "b": 5, "c": "x", "d": {"z": 7}, "e": "2027-01-31"}
