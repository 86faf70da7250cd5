"""Random operations from several threads: no deadlock, no lost count, no job left behind."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest

from tests.jobs.lifecycle_world import ENDINGS, KEYS, World
from tests.jobs.row_invariants import broken, snapshot, unfinished, verified
from webapp.jobs.maintenance.clock_chores import promote_due
from webapp.jobs.model.policies import OnDuplicate
from webapp.services import Services

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect]
THREADS = 4
VERBS = {True: 80, False: 30}  # per thread, with --all and without
SEEDS = 1


class Dice:
    """The random operations of one thread on a shared world."""

    def __init__(self, world: World, seed: int, verbs: int) -> None:
        self.world, self.random, self.verbs = world, Random(seed), verbs
        self.used: Counter[str] = Counter()

    def play(self) -> Counter[str]:
        verbs = [
            self.create,
            self.create_unique,
            self.root,
            self.work,
            self.work,
            self.touch,
            self.end_job_of_another_thread,
        ]
        for _ in range(self.verbs):
            verb = self.random.choice(verbs)
            self.used[f"{verb.__name__} {verb() or ''}".strip()] += 1
        return self.used

    def create(self) -> str:
        after = [self.number() for _ in range(self.random.choice([0, 1, 2, 3]))]
        kind = self.random.choice(["nothing", "narrow"])
        return self.world.create(kind, after=after, on_finish=self.chance(2), delay=0 if self.chance(8) else None)

    def create_unique(self) -> str:
        after = [self.number()] if self.chance(2) else []
        return self.world.create(
            "nothing",
            unique_key=self.random.choice(KEYS),
            on_duplicate=self.random.choice(list(OnDuplicate)),
            after=after,
        )

    def root(self) -> str:
        self.world.create("nothing", priority=1000, tolerant=self.chance(3))
        job = self.world.claim()
        if job is None:
            return ""
        self.world.spawn(job, [None, "a", "b"])
        return self.world.end(job, self.random.choice(ENDINGS) if self.chance(4) else ENDINGS[0])

    def work(self) -> str:
        promote_due(self.world.services.engine)
        job = self.world.claim()
        if job is None or self.chance(6):
            return ""
        return self.world.end(job, self.random.choice(ENDINGS) if self.chance(2) else ENDINGS[0])

    def touch(self) -> str:
        world, numbers = self.world, [self.number() for _ in range(3)]
        verbs: list[tuple[Any, ...]] = [
            (world.cancel, numbers[0]),
            (world.cancel_many, numbers),
            (world.retry, numbers[0]),
            (world.retry_many, numbers),
            (world.set_priority, numbers[0], self.random.randrange(200)),
            (world.add_child, numbers[0], self.random.choice([None, "a"])),
            (world.release, numbers[0]),
            (world.delete, numbers[0]),
            (world.run_again, numbers[0]),
        ]
        verb, *values = self.random.choice(verbs)
        return f"{verb.__name__} {verb(*values)}".strip()

    def end_job_of_another_thread(self) -> str:
        if not self.world.claimed:
            return ""
        job = self.random.choice(self.world.claimed[-8:])
        if self.chance(2):
            self.world.settle(job, hand_back=self.chance(2))
            return "settle"
        return self.world.end(job, self.random.choice(ENDINGS))

    def number(self) -> int:
        """Return the number of a job, more often of a recent one."""
        return -1 - int(self.random.expovariate(0.1))

    def chance(self, one_of: int) -> bool:
        return self.random.randrange(one_of) == 0


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.dialect(both=True)
def test_no_concurrent_operations_break_a_rule(services: Services, seed: int, thorough: bool) -> None:
    world = World(services)
    with ThreadPoolExecutor(THREADS) as threads:
        dice = [Dice(world, seed * THREADS + number, VERBS[thorough]) for number in range(THREADS)]
        results = [threads.submit(die.play) for die in dice]
        used = sum((result.result() for result in results), Counter[str]())
    assert broken(snapshot(services.engine)) == []
    world.let_all_end()
    ended = snapshot(services.engine)
    assert broken(ended) + unfinished(ended) + verified(services.engine) == [], used
