import os

from webapp.views.metrics.request_counts import BOUNDS, MOST_PROCESSES, NO_ROUTE, RequestCounts


def in_child(counts: RequestCounts, slot: int, times: int) -> None:
    pid = os.fork()
    if pid == 0:
        counts.use_slot(slot)
        for _ in range(times):
            counts.add("jobs", 200, 0.3)
        counts.set_connections(slot, 2)
        os._exit(0)
    os.waitpid(pid, 0)


def test_the_counts_of_all_processes_are_added_up() -> None:
    counts = RequestCounts(["jobs", "me"])
    in_child(counts, 0, 3)
    in_child(counts, 1, 4)
    found = counts.by_endpoint()
    assert (found.keys(), found["jobs"].by_class) == ({"jobs"}, {"2xx": 7})
    assert abs(found["jobs"].seconds - 2.1) < 1e-9
    assert counts.connections() == (1, 4)


def test_a_process_continues_the_counts_of_the_one_that_it_replaces() -> None:
    counts = RequestCounts(["jobs"])
    in_child(counts, 1, 3)
    in_child(counts, 1, 4)
    assert counts.by_endpoint()["jobs"].by_class == {"2xx": 7}


def test_a_duration_is_in_the_bucket_of_the_first_bound_that_is_not_smaller() -> None:
    counts = RequestCounts(["jobs"])
    for seconds in (BOUNDS[0], BOUNDS[0] + 0.001, 1000.0):
        counts.add("jobs", 503, seconds)
    buckets = counts.by_endpoint()["jobs"].buckets
    assert (buckets[0], buckets[1], buckets[-1], sum(buckets)) == (1, 1, 1, 3)


def test_unknown_endpoints_and_further_processes_are_counted_too() -> None:
    counts = RequestCounts(["jobs"])
    counts.add("never heard of it", 999, 0.1)
    assert counts.by_endpoint()[NO_ROUTE].by_class == {"5xx": 1}
    in_child(counts, MOST_PROCESSES + 5, 1)
    in_child(counts, MOST_PROCESSES - 1, 1)
    assert counts.by_endpoint()["jobs"].by_class == {"2xx": 2}
