"""Jobs shared out among threads: all are done, once, in whatever order, and an error ends them."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from fastbench.kernels.cores import run_jobs


@pytest.mark.parametrize("threads", [0, 1, 2, 5])
@pytest.mark.parametrize("n", [0, 1, 2, 40])
def test_results_come_in_order_and_progress_ends_at_one(threads, n):
    done, seen = [], []
    assert run_jobs([(i + 1, partial(_note, done, i)) for i in range(n)], threads, seen.append) == list(range(n))
    assert sorted(done) == list(range(n))
    assert seen == sorted(seen)
    assert not n or seen[-1] == 1.0


def _note(done, i):
    done.append(i)
    return i


def test_the_caller_takes_part_and_the_others_too():
    both = threading.Barrier(2, timeout=30)  # met only if two jobs run at the same time
    names = run_jobs([(1, lambda: (both.wait(), threading.current_thread().name)[1])] * 2, 2)
    assert threading.current_thread().name in names
    assert len(set(names)) == 2
    assert run_jobs([(1, lambda: threading.current_thread().name)] * 3, 1) == [threading.current_thread().name] * 3


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_is_raised_and_drops_what_has_not_begun(threads):
    done = []

    def fail():
        raise IndexError("of the job")

    with pytest.raises(IndexError, match="of the job"):
        run_jobs([(1, fail), *((1, partial(_note, done, i)) for i in range(10_000))], threads)
    assert len(done) < 10_000
    assert run_jobs([(1, partial(_note, done, -1))], threads) == [-1]  # what comes after is not disturbed


def test_an_error_on_another_thread_is_raised():
    both, caller = threading.Barrier(2, timeout=30), threading.get_ident()

    def fail_elsewhere():
        both.wait()
        if threading.get_ident() != caller:
            raise KeyError("elsewhere")

    with pytest.raises(KeyError, match="elsewhere"):
        run_jobs([(1, fail_elsewhere)] * 2, 2)


def test_after_an_error_no_job_goes_on_and_long_ones_are_told():
    begun, stop, late = threading.Barrier(2, timeout=30), threading.Event(), []

    def long():
        begun.wait()
        assert stop.wait(30)
        late.append("done")

    def fail():
        begun.wait()
        raise IndexError

    with pytest.raises(IndexError):
        run_jobs([(1, fail), (1, long)], 2, stop=stop)
    assert late == ["done"]  # before the error came out, not after


def test_jobs_of_a_job_run_on_its_own_thread():
    def outer():
        return run_jobs([(1, threading.get_ident)] * 4, 4), threading.get_ident()

    for inner, mine in run_jobs([(1, outer)] * 6, 3):
        assert set(inner) == {mine}
