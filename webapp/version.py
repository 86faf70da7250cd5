"""The version that this process runs: its number and a hash of its source."""

from functools import cache
from hashlib import blake2b
from pathlib import Path

NUMBER = "0.1.0"
_HERE = Path(__file__).parent


@cache
def version() -> str:
    """Return number and hash; two processes with the same version run the same code.

    The source is read on the first call, so call this when a process starts: later the files may be newer.
    """
    source = blake2b(digest_size=4)
    for path in sorted(_HERE.rglob("*.py")):
        source.update(path.relative_to(_HERE).as_posix().encode() + b"\0" + path.read_bytes())
    return f"{NUMBER}+{source.hexdigest()}"
