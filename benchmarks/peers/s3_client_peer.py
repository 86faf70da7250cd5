"""A plain client of an S3 server, as a command: it sends a file or reads an object, and does nothing else.

`python -m benchmarks.peers.s3_client_peer put|get ENDPOINT BUCKET KEY [FILE]`
"""

import sys
from pathlib import Path

from obstore import get, put
from obstore.store import S3Store

from benchmarks.s3_server import ACCESS_KEY, SECRET_KEY

_READ = 1024 * 1024


def main(action: str, endpoint: str, bucket: str, key: str, *files: str) -> None:
    """Send ``files[0]`` as an object, or read the object."""
    store = S3Store(
        bucket,
        endpoint=endpoint,
        region="us-east-1",
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
        client_options={"allow_http": True},
    )
    if action == "put":
        put(store, key, Path(files[0]))
    else:
        for _ in get(store, key).stream(min_chunk_size=_READ):
            pass


if __name__ == "__main__":
    main(*sys.argv[1:])
