"""The process that runs a function of a native library; it imports nothing that the function does not need."""

import json
import resource
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

ITEM, REFUSED = "item", "refused"


class RefusedFile(Exception):
    """Raised by such a function if it cannot read the file; the message is for users."""


def main() -> None:
    """Write the items of the generator ``module:function`` as lines of JSON; its arguments are read from the input."""
    request = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_DATA, (request["memory"], request["memory"]))
    resource.setrlimit(resource.RLIMIT_CPU, (request["seconds"], request["seconds"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    module, _, name = sys.argv[1].partition(":")
    try:
        for item in getattr(import_module(module), name)(**request["arguments"]):
            _answer({ITEM: item})
    except Exception as error:
        if type(error).__name__ != RefusedFile.__name__:  # this module is __main__ here
            raise
        _answer({REFUSED: str(error)})


def _answer(content: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
