"""Run a function of a native library in a process of its own, with limits.

DuckDB starts threads and must not be forked; calamine ends its process when it runs out of memory. Neither may happen
to the work-horse, and neither library is imported outside of such a process. The engine ends it with its work-horse.
"""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

_ROOT = Path(__file__).parents[3]
_ITEM, _REFUSED = "item", "refused"
_WORDS_OF_MEMORY = (b"memory allocation of", b"MemoryError", b"bad_alloc", b"OutOfMemory")
_LAST_WORDS = 2_000  # bytes of an unexpected error


class RefusedFile(Exception):
    """Raised if a file cannot be read; the message is for users."""


def call_native(function: str, arguments: Mapping[str, Any], *, memory: int, seconds: int) -> Iterator[Any]:
    """Run the generator ``module:function`` and yield its items, JSON values; raise `RefusedFile` if it cannot go on.

    ``memory`` limits its data in bytes, ``seconds`` its time on the processor.
    """
    request = {"memory": memory, "seconds": seconds, "arguments": dict(arguments)}
    with TemporaryFile() as question, TemporaryFile() as errors:
        question.write(json.dumps(request).encode())
        question.seek(0)
        process = subprocess.Popen(  # noqa: S603  (this interpreter, this module)
            [sys.executable, "-m", __name__, function],
            stdin=question,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT), *filter(None, sys.path)])},
        )
        assert process.stdout is not None  # noqa: S101  (a pipe)
        try:
            for line in process.stdout:
                answer = json.loads(line)
                if _REFUSED in answer:
                    raise RefusedFile(answer[_REFUSED])
                yield answer[_ITEM]
            if status := process.wait():
                errors.seek(0)
                raise RefusedFile(_reason(status, errors.read(), memory))
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def _reason(status: int, words: bytes, memory: int) -> str:
    if status == -signal.SIGKILL or any(word in words for word in _WORDS_OF_MEMORY):
        return f"The file needs more than {memory // 1_000_000:,} MB of memory."
    if status < 0:
        return "The file takes too long to read, or it is damaged."
    return f"The file cannot be read: {words[-_LAST_WORDS:].decode(errors='replace').strip().rpartition(chr(10))[2]}"


def _main() -> None:
    request = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_DATA, (request["memory"], request["memory"]))
    resource.setrlimit(resource.RLIMIT_CPU, (request["seconds"], request["seconds"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    module, _, name = sys.argv[1].partition(":")
    try:
        for item in getattr(import_module(module), name)(**request["arguments"]):
            _answer({_ITEM: item})
    except Exception as error:
        if type(error).__name__ != RefusedFile.__name__:  # this module is __main__ here
            raise
        _answer({_REFUSED: str(error)})


def _answer(content: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _main()
