"""Lines to copy: each operation as curl and as Python, with real values. Pure."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TOKEN = "DESKJOB_TOKEN"  # noqa: S105  (the name of the variable)
IMPORTS = "import os, requests"  # of the lines of Python
_NESTING = 4  # levels of an example
_BY_TYPE: Mapping[str, Any] = {"string": "text", "integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}
_BY_FORMAT: Mapping[str, str] = {
    "uuid": "00000000-0000-0000-0000-000000000000",
    "date-time": "2027-01-31T12:00:00Z",
    "date": "2027-01-31",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSample:
    """A request as a line of a shell and a line of Python."""

    curl: str
    python: str


def code_sample(method: str, url: str, body: Any = None, *, download: bool = False) -> CodeSample:
    """Return the lines of a request; ``download`` saves the answer as a file."""
    return CodeSample(
        curl=_curl(method, url, body, download=download), python=_python(method, url, body, download=download)
    )


def upload_sample(url: str, job: Any, field: str) -> str:
    """Return the line of a shell that starts a job with a file."""
    part = shlex.quote(f"job={json.dumps(job, ensure_ascii=False)}")
    return f"curl {_AUTHORIZATION} -F {part} -F {field}=@table.csv {shlex.quote(url)}"


def example_of(schema: Mapping[str, Any], components: Mapping[str, Any], depth: int = 0) -> Any:
    """Return a value that a schema accepts: its example or default, or the simplest one; objects are small."""
    while target := schema.get("$ref"):
        schema = components[target.rpartition("/")[2]]
    found = [schema.get("const"), schema.get("default"), *schema.get("examples", ()), *schema.get("enum", ())]
    if (given := next((value for value in found if value is not None), None)) is not None:
        return given
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return example_of(choices[0], components, depth)
    if "properties" in schema and depth < _NESTING:
        names = (name for name in schema.get("required", ()) if name in schema["properties"])
        return {name: example_of(schema["properties"][name], components, depth + 1) for name in names}
    return _simplest(schema)


def _simplest(schema: Mapping[str, Any]) -> Any:
    if schema.get("format") in _BY_FORMAT:
        return _BY_FORMAT[schema["format"]]
    value = _BY_TYPE.get(str(schema.get("type", "object")), {})
    return max(value, schema.get("minimum", value)) if isinstance(value, int) and "minimum" in schema else value


_AUTHORIZATION = f'-H "Authorization: Bearer ${TOKEN}"'


def _curl(method: str, url: str, body: Any, *, download: bool) -> str:
    verb = "" if method == "GET" or (method == "POST" and body is not None) else f"-X {method} "
    data = "" if body is None else f"--json {shlex.quote(json.dumps(body, ensure_ascii=False))} "
    saves = "-OJ " if download else ""
    return f"curl {saves}{verb}{_AUTHORIZATION} {data}{shlex.quote(url)}"


def _python(method: str, url: str, body: Any, *, download: bool) -> str:
    data = "" if body is None else f"json={body!r}, "
    end = ".content" if download else "" if method == "DELETE" else ".json()"
    headers = f'headers={{"Authorization": "Bearer " + os.environ["{TOKEN}"]}}'
    return f'requests.{method.lower()}("{url}", {data}{headers}){end}'
