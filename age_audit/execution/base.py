"""The one interface of this room, and the choice of who works."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from age_audit.execution.processes import InProcess, Processes
from age_audit.execution.progress import Progress, open_progress

Task = TypeVar("Task")
Result = TypeVar("Result")
Setup = Callable[[int], None]


class Executor(Protocol):
    """Somewhere to work."""

    def carry_out(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        setup: Setup | None,
        give_up: Callable[[Task], Result] | None,
        split: Callable[[Task], Sequence[Task]],
    ) -> Generator[tuple[Task, Result]]:
        """Yield each task, or each of its parts, with its result, in no particular order.

        Workers end at once when this process does, however it ends, and when the iterator is closed or broken off.

        Parameters
        ----------
        function : callable
            At a module's top level, so that other processes can find it.
        tasks : sequence
        setup : callable, optional
            Called once in each worker process, before its first task, with the number of threads it may use.
        give_up : callable, optional
            Makes the result of a task whose workers keep dying (out of memory, killed); by default that is raised.
        split : callable
            Smaller tasks that make up a task: carried out instead of giving it up, because they may need less memory,
            and only the one that is to blame is lost.
        """


class Execution:
    """Runs tasks on an executor and tells how far they are.

    Parameters
    ----------
    executor : Executor
    progress : Progress
    """

    def __init__(self, executor: Executor, progress: Progress):
        self._executor = executor
        self.progress = progress

    def run(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        label: str,
        unit: str,
        weight: Callable[[Task], int] = lambda task: 1,
        setup: Setup | None = None,
        give_up: Callable[[Task], Result] | None = None,
        split: Callable[[Task], Sequence[Task]] = lambda task: [task],
        failed: Callable[[Result], int] = lambda result: 0,
    ) -> Generator[Result]:
        """Yield the result of every task, in no particular order.

        Parameters
        ----------
        function, tasks, setup, give_up, split
            See :meth:`Executor.carry_out`.
        label, unit : str
            Of the progress.
        weight : callable
            How many units a task stands for.
        failed : callable
            How many units of a result are failures.
        """
        if not tasks:
            return
        with (
            self.progress.step(label, unit, sum(map(weight, tasks))) as advance,
            closing(self._executor.carry_out(function, tasks, setup, give_up, split)) as results,
        ):
            for task, result in results:
                yield result
                advance(weight(task), failed(result))


@contextmanager
def open_execution(workers: int = 1, cluster: str | None = None, json_log: Path | None = None) -> Iterator[Execution]:
    """Somewhere to work for as long as the context lasts.

    Parameters
    ----------
    workers : int
        Worker processes on this machine; 1 works in this process.
    cluster : str, optional
        Address or scheduler file of a ``dask.distributed`` cluster, which then does the work.
    json_log : Path, optional
        File to which progress is appended as one JSON object a line.

    Raises
    ------
    UsageError
        When the cluster does not answer or the log cannot be written.
    """
    with ExitStack() as opened:
        progress = opened.enter_context(open_progress(json_log))
        if cluster is not None:
            from age_audit.execution.cluster import Cluster  # dask takes a second to load

            executor = opened.enter_context(Cluster(cluster))
        elif workers > 1:
            executor = Processes(workers, max(1, available_cores() // workers))
        else:
            executor = InProcess()
        yield Execution(executor, progress)


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
