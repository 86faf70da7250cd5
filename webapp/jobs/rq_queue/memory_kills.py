"""How often the kernel has killed processes of this process's control group for lack of memory (Linux).

Without it, a killed work-horse says only that it was killed. The group can be that of a service, a container or a
launcher; the count includes the groups inside it with version 2, and is that of the group alone with version 1.
"""

import sys
from contextlib import suppress
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_GROUPS = Path("/proc/self/cgroup")
_COUNT = "oom_kill"


def count_memory_kills(root: Path = _ROOT, groups: Path = _GROUPS) -> int:
    """Return the count; 0 if it cannot be known."""
    if sys.platform != "linux":
        return 0
    for line in _read(groups).splitlines():
        _number, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return _count(root / "memory", path, "memory.oom_control")
        if not controllers and (root / "cgroup.controllers").exists():
            return _count(root, path, "memory.events")
    return 0


def _count(root: Path, path: str, name: str) -> int:
    """Return the count of a group; a container can see its own group as the root, under whatever name."""
    text = _read(root / path.lstrip("/") / name) or _read(root / name)
    return next((int(line.split()[1]) for line in text.splitlines() if line.split()[:1] == [_COUNT]), 0)


def _read(path: Path) -> str:
    with suppress(OSError):
        return path.read_text()
    return ""
