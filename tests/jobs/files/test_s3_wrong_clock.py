"""A real object storage refuses a machine whose clock is wrong, which has a sentence.

obstore reads the clock of the system, so a process with another one is started.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import which
from typing import Any

import pytest

REFUSED = "StorageUnavailable The clock of this machine differs too much from that of the file storage."
_STORE_A_FILE = """
import io, json, sys
from webapp.config import load
from webapp.jobs.files.configured_files import configured_files
try:
    configured_files(load(**json.loads(sys.argv[1]))).receive(io.BytesIO(b"abc"), "a.txt")
except OSError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.skipif(which("faketime") is None, reason="needs faketime")
@pytest.mark.parametrize(("offset", "said"), [("+0s", ""), ("+1h", REFUSED), ("-1h", REFUSED)])
def test_a_wrong_clock_is_named(s3_place: dict[str, Any], tmp_path: Path, offset: str, said: str) -> None:
    key = s3_place["storage_secret_key"].get_secret_value()
    settings = json.dumps({**s3_place, "storage_secret_key": key, "data_dir": str(tmp_path)})
    done = subprocess.run(
        [
            "faketime",
            "-f",
            offset,
            sys.executable,
            "-c",
            _STORE_A_FILE,
            settings,
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == said
