"""Running many small tasks, here or in worker processes, whatever happens to the workers."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import TypeVar

from tqdm import tqdm

Task = TypeVar("Task")
Result = TypeVar("Result")

AHEAD = 2  # tasks handed out per worker; more would only pile up results
DEATHS_ALLOWED = 3  # a task that was running when so many workers died is given up


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_tasks(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    workers: int,
    label: str,
    unit: str,
    weight: Callable[[Task], int] = lambda task: 1,
    setup: Callable[[], None] | None = None,
    give_up: Callable[[Task], Result] | None = None,
    split: Callable[[Task], Sequence[Task]] = lambda task: [task],
) -> Iterator[Result]:
    """Yield the result of every task, in no particular order, behind a progress bar.

    Worker processes end at once when this process does, however it ends, and when the iterator is closed or broken off.

    Parameters
    ----------
    function : callable
        At a module's top level, so that worker processes can find it.
    tasks : sequence
    workers : int
        1 runs in this process.
    label, unit : str
        Of the progress bar.
    weight : callable
        How many units a task stands for.
    setup : callable, optional
        Called once in each worker process.
    give_up : callable, optional
        Makes the result of a task whose workers keep dying (out of memory, killed); by default that is raised.
    split : callable, optional
        Smaller tasks that make up a task: carried out instead of giving it up, because they may need less memory, and
        only the one that is to blame is lost.
    """
    if not tasks:
        return
    with tqdm(total=sum(map(weight, tasks)), desc=label, unit=unit, mininterval=0.5) as bar:
        results = (
            map(_with_task(function), tasks)
            if workers == 1
            else _in_processes(function, tasks, workers, setup, give_up, split)
        )
        for task, result in results:
            yield result
            bar.update(weight(task))


def _with_task(function: Callable[[Task], Result]) -> Callable[[Task], tuple[Task, Result]]:
    return lambda task: (task, function(task))


def _in_processes(function, tasks, workers, setup, give_up, split) -> Iterator[tuple]:
    waiting = deque(tasks)
    deaths: Counter[int] = Counter()  # by id: tasks may be equal
    divided = []  # kept, so that no new task gets the id of an old one
    while waiting:
        spawning = multiprocessing.get_context("spawn")
        leash, held = spawning.Pipe(duplex=False)  # nothing is ever sent: it tells workers whether `held` is still open
        pool = ProcessPoolExecutor(workers, spawning, _start_worker, (setup, leash))
        running: dict[Future, object] = {}
        try:
            while waiting or running:
                while waiting and len(running) < _room(deaths, [*running.values(), waiting[0]], workers):
                    # Taken off only once it is handed out: a pool may turn out to be broken here.
                    with _interrupts_held_back():
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
            pool.shutdown(wait=True, cancel_futures=True)
            held.close()
            leash.close()


def _room(deaths: Counter[int], tasks: list, workers: int) -> int:
    """How many tasks may be out at once: one that was out when a worker died runs alone, to learn if it is to blame."""
    return 1 if any(deaths[id(task)] for task in tasks) else workers * AHEAD


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Hold Ctrl-C back for a moment; a worker started in it inherits this, and is deaf to Ctrl-C from the beginning."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_setup_error: Exception | None = None  # of this worker


def _start_worker(setup: Callable[[], None] | None, leash: Connection) -> None:
    global _setup_error
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops the workers
    threading.Thread(target=_end_with_parent, args=(leash,), daemon=True).start()
    try:
        if setup is not None:
            setup()
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
