from uuid import uuid4

import pytest
from redis import Redis, ResponseError

from webapp.jobs.rq_queue.redis_connection import connect
from webapp.jobs.rq_queue.wake_ups import LEAST_CAP, WakeUp, WakeUpQueue, WakeUps


@pytest.fixture
def wake_ups(valkey_url: str) -> WakeUps:
    return WakeUps(connect(valkey_url))


@pytest.fixture
def queue() -> str:
    return uuid4().hex


def waiting(wake_ups: WakeUps, queue: str) -> int:
    return int(wake_ups.connection.llen(f"rq:queue:{queue}"))


def test_wake_ups_are_pushed_up_to_their_cap(wake_ups: WakeUps, queue: str) -> None:
    for _ in range(LEAST_CAP + 5):
        wake_ups.push(queue)
    assert waiting(wake_ups, queue) == LEAST_CAP


def test_a_full_queue_takes_wake_ups_again_after_one_was_taken(wake_ups: WakeUps, queue: str) -> None:
    for _ in range(LEAST_CAP + 2):
        wake_ups.push(queue)
    wake_ups.connection.lpop(f"rq:queue:{queue}")
    wake_ups.push(queue)
    assert waiting(wake_ups, queue) == LEAST_CAP


def test_a_push_to_a_full_queue_is_one_command(wake_ups: WakeUps, queue: str) -> None:
    for _ in range(LEAST_CAP + 1):
        wake_ups.push(queue)
    before = wake_ups.connection.info("stats")["total_commands_processed"]
    wake_ups.push(queue)
    assert wake_ups.connection.info("stats")["total_commands_processed"] == before + 2, "and the question for this"


def test_many_rows_wake_every_worker_once(wake_ups: WakeUps, queue: str) -> None:
    wake_ups.connection.sadd(f"rq:workers:{queue}", *range(4))
    wake_ups.push(queue, 1000)
    assert waiting(wake_ups, queue) == 4


def test_few_rows_wake_as_many_workers(wake_ups: WakeUps, queue: str) -> None:
    wake_ups.connection.sadd(f"rq:workers:{queue}", *range(4))
    wake_ups.push(queue, 2)
    assert waiting(wake_ups, queue) == 2


def test_many_rows_push_a_wake_up_for_workers_that_come_later(wake_ups: WakeUps, queue: str) -> None:
    wake_ups.push(queue, 1000)
    assert waiting(wake_ups, queue) == 1


def test_the_cap_is_twice_the_workers(wake_ups: WakeUps, queue: str) -> None:
    wake_ups.connection.sadd(f"rq:workers:{queue}", *range(LEAST_CAP))
    assert wake_ups.top_up(queue, 1000) == 2 * LEAST_CAP
    assert wake_ups.top_up(queue, 1000) == 0


def test_top_up_adds_no_more_wake_ups_than_queued_jobs(wake_ups: WakeUps, queue: str) -> None:
    assert wake_ups.top_up(queue, 3) == 3
    assert wake_ups.top_up(queue, 3) == 0
    assert wake_ups.top_up(queue, 0) == 0


def test_only_live_workers_are_counted(wake_ups: WakeUps, queue: str) -> None:
    wake_ups.connection.sadd(f"rq:workers:{queue}", f"alive-{queue}", f"dead-{queue}")
    wake_ups.connection.set(f"alive-{queue}", "1")
    assert wake_ups.workers_alive(queue) == 1


def test_an_unreachable_redis_causes_one_log_line(tmp_path: object, caplog: pytest.LogCaptureFixture) -> None:
    away = WakeUps(connect(f"unix://{tmp_path}/nobody"))
    away.push("default")
    assert "Redis cannot be reached" in caplog.text
    assert away.workers_alive("default") == 0


def test_a_redis_that_rejects_writes_causes_one_log_line(
    wake_ups: WakeUps, queue: str, caplog: pytest.LogCaptureFixture
) -> None:
    wake_ups.connection.set(f"rq:queue:{queue}", "no list")
    wake_ups.push(queue)
    assert "Redis cannot be reached" in caplog.text
    with pytest.raises(ResponseError):
        wake_ups.top_up(queue, 1)


def test_a_wake_up_contains_only_the_name_of_its_queue(wake_ups: WakeUps, queue: str, valkey_url: str) -> None:
    connection: Redis = wake_ups.connection
    wake_ups.push(queue)
    (job_id,) = connection.lrange(f"rq:queue:{queue}", 0, -1)
    connection.hset(f"rq:job:{job_id.decode()}", mapping={"data": b"evil", "success_callback_name": "os.system"})
    wake_up, from_queue = WakeUpQueue.dequeue_any([WakeUpQueue(queue, connection)], None, connection)
    assert (from_queue.name, wake_up.id) == (queue, job_id.decode())
    assert wake_up.success_callback is None
    with pytest.raises(NotImplementedError):
        wake_up.perform()


@pytest.mark.parametrize("entry", [b"../../etc/passwd", b"a\0b", b"", b"x" * 100_000, b"a b", b"\xc3\xa4" * 18])
def test_an_invalid_entry_is_a_wake_up_too(wake_ups: WakeUps, queue: str, entry: bytes) -> None:
    wake_ups.connection.rpush(f"rq:queue:{queue}", entry)
    wake_up, from_queue = WakeUpQueue.dequeue_any([WakeUpQueue(queue, wake_ups.connection)], None, wake_ups.connection)
    assert (type(wake_up), from_queue.name) == (WakeUp, queue)
    assert len(wake_up.id) <= 36


def test_an_entry_that_is_not_text_is_dropped(wake_ups: WakeUps, queue: str) -> None:
    wake_ups.connection.rpush(f"rq:queue:{queue}", b"\xff\xfe")
    wake_ups.push(queue)
    _, from_queue = WakeUpQueue.dequeue_any([WakeUpQueue(queue, wake_ups.connection)], None, wake_ups.connection)
    assert from_queue.name == queue
    assert waiting(wake_ups, queue) == 0
