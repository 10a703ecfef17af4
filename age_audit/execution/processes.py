"""Work in this process, or in worker processes of this machine, whatever happens to them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import Connection

from age_audit.core.errors import UsageError, is_out_of_files

AHEAD = 2  # tasks handed out per worker; more would only pile up results
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
DEATHS_ALLOWED = 3  # a task that was running when so many workers died is given up


class InProcess:
    """Works here, one task after the other."""

    def carry_out(self, function, tasks, setup, give_up, split) -> Iterator[tuple]:
        """See :class:`age_audit.execution.base.Executor`; nothing is set up, and a death is this process's own."""
        for task in tasks:
            yield task, function(task)


class Processes:
    """Works in processes of this machine and replaces those that die.

    Parameters
    ----------
    workers : int
    threads : int
        That each of them may use.
    """

    def __init__(self, workers: int, threads: int):
        self._workers = workers
        self._threads = threads

    def carry_out(self, function, tasks, setup, give_up, split) -> Iterator[tuple]:
        """See :class:`age_audit.execution.base.Executor`."""
        waiting = deque(tasks)
        deaths: Counter[int] = Counter()  # by id: tasks may be equal
        divided = []  # kept, so that no new task gets the id of an old one
        while waiting:
            spawning = multiprocessing.get_context("spawn")
            leash, held = spawning.Pipe(duplex=False)  # nothing is ever sent: it tells workers if `held` is still open
            workers = min(self._workers, len(waiting))
            try:
                pool = ProcessPoolExecutor(workers, spawning, _start_worker, (setup, self._threads, leash))
            except OSError as error:
                if is_out_of_files(error):
                    raise
                raise UsageError(
                    f"expected room for the locks of worker processes in /dev/shm, but: {error.strerror}; free some "
                    "there (containers take --shm-size) or take --workers 1"
                ) from error
            running: dict[Future, object] = {}
            try:
                while waiting or running:
                    while waiting and len(running) < self._room(deaths, [*running.values(), waiting[0]]):
                        # Taken off only once it is handed out: a pool may turn out to be broken here.
                        with _interrupts_held_back(), _library_threads(self._threads):
                            running[pool.submit(_perform, function, waiting[0])] = waiting[0]
                        waiting.popleft()
                    finished, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in finished:
                        # Taken off only once its result is there: after a death the rest is handed out again.
                        result = future.result()
                        yield running.pop(future), result
            except BrokenProcessPool:
                for task in reversed(running.values()):
                    deaths[id(task)] += 1
                    if deaths[id(task)] < DEATHS_ALLOWED:
                        waiting.appendleft(task)
                    elif len(parts := split(task)) > 1:
                        divided.append(parts)
                        waiting.extendleft(reversed(parts))
                    elif give_up is None:
                        raise
                    else:
                        yield task, give_up(task)
            finally:
                if running:  # nobody waits for these results any more
                    held.close()
                try:
                    pool.shutdown(wait=True, cancel_futures=True)
                finally:  # also where the pool could not start: its workers would wait for ever
                    held.close()
                    leash.close()

    def _room(self, deaths: Counter[int], tasks: list) -> int:
        """How many tasks may be out at once: one that was out when a worker died runs alone, to see if it is to
        blame.
        """
        return 1 if any(deaths[id(task)] for task in tasks) else self._workers * AHEAD


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Hold Ctrl-C back for a moment; a worker started in it inherits this, and is deaf to Ctrl-C from the beginning."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _library_threads(count: int) -> Iterator[None]:
    """Tell workers that start meanwhile how many threads numerical libraries may use: these ask as they are loaded,
    which is before a worker can be told anything else. What the user has set stays.
    """
    added = [name for name in THREAD_VARIABLES if name not in os.environ]
    os.environ |= dict.fromkeys(added, str(count))
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


_setup_error: Exception | None = None  # of this worker


def _start_worker(setup, threads: int, leash: Connection) -> None:
    global _setup_error
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops the workers
    threading.Thread(target=_end_with_parent, args=(leash,), daemon=True).start()
    try:
        if setup is not None:
            setup(threads)
    except Exception as error:  # raised here, it would look like a worker that was killed
        _setup_error = error


def _end_with_parent(leash: Connection) -> None:
    """End this worker once the other end of its leash is closed, by the parent or by the parent's own end.

    Left alone, a worker would wait for tasks for ever: it holds open the queue that they come from.
    """
    leash.poll(None)
    os._exit(1)


def _perform(function, task):
    if _setup_error is not None:
        raise _setup_error
    return function(task)
