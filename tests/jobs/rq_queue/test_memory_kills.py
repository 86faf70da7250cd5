from pathlib import Path

import pytest

from webapp.jobs.rq_queue.memory_kills import count_memory_kills

VERSION_1 = "9:name=systemd:/\n4:cpu,memory:/services/jobs\n0::/\n"
VERSION_2 = "0::/services/jobs\n"


@pytest.mark.parametrize("place", ["services/jobs", "."])  # the second as a container sees its own group
def test_the_count_is_that_of_the_own_group(tmp_path: Path, place: str) -> None:
    (groups := tmp_path / "groups").write_text(VERSION_1)
    (folder := tmp_path / "memory" / place).mkdir(parents=True)
    (folder / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
    assert count_memory_kills(tmp_path, groups) == 3
    groups.write_text(VERSION_2)
    (tmp_path / "cgroup.controllers").write_text("cpu memory")
    (folder := tmp_path / place).mkdir(parents=True, exist_ok=True)
    (folder / "memory.events").write_text("low 0\noom 5\noom_kill 4\noom_group_kill 1\n")
    assert count_memory_kills(tmp_path, groups) == 4


def test_without_control_groups_there_is_no_count(tmp_path: Path) -> None:
    assert count_memory_kills(tmp_path, tmp_path / "missing") == 0
    (groups := tmp_path / "groups").write_text(VERSION_1)
    assert count_memory_kills(tmp_path, groups) == 0
