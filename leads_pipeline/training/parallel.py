"""Work divided among the cores of one machine: the same results in the same order, however many there are.

What the work is, its callers know. Sums of floating-point numbers depend on how they are divided, and a minimum that is
searched for by them does too, so linear algebra keeps to one core here.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager
from multiprocessing import get_context
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits  # pyright: ignore[reportMissingTypeStubs]

_Shared = TypeVar("_Shared")
_Job = TypeVar("_Job")
_Result = TypeVar("_Result")


def spread(
    work: Callable[[_Shared, _Job], _Result], shared: _Shared, jobs: Sequence[_Job], processes: int
) -> Iterator[_Result]:
    """`work(shared, job)` for each job, in their order; for what is made of Python's own steps.

    Each of several processes is sent `work`, a function of a module, and `shared` once.
    """
    if processes < 2 or len(jobs) < 2:
        yield from (work(shared, job) for job in jobs)
        return
    with ProcessPoolExecutor(
        min(processes, len(jobs)), mp_context=get_context("spawn"), initializer=_begin, initargs=(work, shared)
    ) as pool:
        yield from pool.map(_go_on, jobs)


def at_once(works: Sequence[Callable[[], _Result]], threads: int) -> list[_Result]:
    """What each of `works` returns; for what is made of large steps of numpy, during which others can take theirs."""
    if threads < 2:
        return [work() for work in works]
    with ThreadPoolExecutor(threads) as pool:
        return [each.result() for each in [pool.submit(work) for work in works]]


def on_one_core() -> AbstractContextManager[Any]:
    """While it lasts, linear algebra keeps to one core."""
    return threadpool_limits(limits=1, user_api="blas")


_given: dict[str, Any] = {}


def _begin(work: Callable[[Any, Any], Any], shared: object) -> None:
    threadpool_limits(limits=1, user_api="blas")
    _given.update(work=work, shared=shared)


def _go_on(job: object) -> Any:
    return _given["work"](_given["shared"], job)
