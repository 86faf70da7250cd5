"""Run a function in a forked process, so that it can damage that instead of the tests."""

import json
import os
import traceback
from collections.abc import Callable
from typing import Any


def in_child(work: Callable[[], object]) -> Any:
    """Run ``work`` in a child; return what it returned, by way of JSON."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.write(writer, json.dumps(work()).encode())
            os._exit(0)
        except BaseException:  # noqa: BLE001
            os.write(writer, json.dumps({"failed": traceback.format_exc()}).encode())
        finally:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader) as stream:
        text = stream.read()
    os.waitpid(pid, 0)
    assert text, "the child died"
    answer = json.loads(text)
    assert not (isinstance(answer, dict) and "failed" in answer), answer["failed"]
    return answer
