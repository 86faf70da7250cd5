import time

from benchmarks.hosts.servers import until_it_is_so


def test_what_follows_from_a_fact_is_never_before_the_time_that_is_returned() -> None:
    """The fact becomes true while it is looked at, and something follows at once."""
    followed: list[float] = []
    looks = [False, False, True]

    def fact() -> bool:
        answer = looks.pop(0)
        if len(looks) == 1:
            followed.append(time.time())
        return answer

    began = time.time()
    assert began <= until_it_is_so(fact) <= followed[0]
    assert looks == []
