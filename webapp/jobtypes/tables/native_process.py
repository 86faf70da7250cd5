"""Run a function of a native library in a process of its own, with limits.

DuckDB starts threads and must not be forked; calamine ends its process when it runs out of memory. Neither may happen
to the work-horse, and neither library is imported outside of such a process. The engine ends it with its work-horse.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from webapp.jobs import JobError
from webapp.jobtypes.tables import native_main
from webapp.jobtypes.tables.native_main import ITEM, REFUSED

_ROOT = Path(__file__).parents[3]
_WORDS_OF_MEMORY = (b"memory allocation of", b"MemoryError", b"bad_alloc", b"OutOfMemory")
_LAST_WORDS = 2_000  # bytes of an unexpected error


def call_native(function: str, arguments: Mapping[str, Any], *, memory: int, seconds: int) -> Iterator[Any]:
    """Run the generator ``module:function`` and yield its items, JSON values; raise `JobError` if it cannot go on.

    ``memory`` limits its data in bytes, ``seconds`` its time on the processor.
    """
    request = {"memory": memory, "seconds": seconds, "arguments": dict(arguments)}
    with TemporaryFile() as question, TemporaryFile() as errors:
        question.write(json.dumps(request).encode())
        question.seek(0)
        process = subprocess.Popen(  # noqa: S603  (this interpreter, our module)
            [sys.executable, "-m", native_main.__name__, function],
            stdin=question,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT), *filter(None, sys.path)])},
        )
        assert process.stdout is not None  # noqa: S101  (a pipe)
        try:
            for line in process.stdout:
                answer = json.loads(line)
                if REFUSED in answer:
                    raise JobError(answer[REFUSED])
                yield answer[ITEM]
            if status := process.wait():
                errors.seek(0)
                raise JobError(_reason(status, errors.read(), memory))
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
