from tests.jobs.execution.isolation.forked import in_child
from webapp.jobs.execution.isolation.peak_memory import PeakMemory, peak_memory

MEBIBYTE = 2**20


def test_the_peak_counts_from_the_last_reset() -> None:
    def work() -> object:
        peak = PeakMemory()
        peak.reset()
        before = peak_memory()
        bytearray(b"1" * 200 * MEBIBYTE)
        used = peak_memory()
        peak.reset()
        return [used - before, peak_memory() - before]

    used, after = in_child(work)
    assert used > 190 * MEBIBYTE
    assert after < 50 * MEBIBYTE
