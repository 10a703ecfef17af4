"""Work on a ``dask.distributed`` cluster; images and output lie on storage that all machines see under one path."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from distributed import CancelledError, Client, KilledWorker, as_completed
from distributed.comm import CommClosedError

from age_audit.core.errors import UsageError
from age_audit.data.metadatasets import code_digest

AHEAD = 2  # tasks handed out per thread of the cluster
CONNECT_SECONDS = 30
COUNT_SECONDS = 5.0  # between two looks at how many workers there are


class Cluster:
    """Works on the cluster at an address. Workers may come and go meanwhile: what a lost one had is done by others.

    A task whose workers keep dying is given up by dask's own count (``distributed.scheduler.allowed-failures``).

    Parameters
    ----------
    address : str
        ``tcp://host:port`` or the path of a scheduler file.

    Raises
    ------
    UsageError
        When nothing answers there.
    """

    def __init__(self, address: str):
        self._address = address
        where = {"address": address} if "://" in address else {"scheduler_file": address}
        if "scheduler_file" in where and not Path(address).is_file():  # dask would wait for it for ever
            raise UsageError(
                f"expected --cluster to be an address such as tcp://host:8786 or a scheduler file, got {address}; no "
                "such file"
            )
        try:
            self._client = Client(**where, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise UsageError(
                f"expected a dask scheduler at {address}, but: {error}; start one with `dask scheduler`"
            ) from error

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_) -> None:
        self._client.close()

    def carry_out(self, function, tasks, setup, give_up, split) -> Iterator[tuple]:
        """See :class:`age_audit.execution.base.Executor`. Each worker sets itself up once, with its own threads."""
        waiting = deque(tasks)
        running: dict[str, tuple] = {}
        completed = as_completed(loop=self._client.loop)
        try:
            while waiting or running:
                while waiting and len(running) < self._room():
                    future = self._client.submit(
                        _perform, function, waiting[0], setup, code_digest(), pure=False, key=None
                    )
                    running[future.key] = future, waiting.popleft()
                    completed.add(future)
                future = next(completed)
                _, task = running.pop(future.key)
                try:
                    result = self._result(future)
                except KilledWorker:
                    if len(parts := split(task)) > 1:
                        waiting.extend(parts)
                        continue
                    if give_up is None:
                        raise
                    result = give_up(task)
                yield task, result
        finally:
            self._client.cancel([future for future, _ in running.values()])

    def _result(self, future):
        try:
            return future.result()
        except (CancelledError, CommClosedError, asyncio.CancelledError) as error:
            raise UsageError(
                f"expected the cluster at {self._address} to stay, it went away ({error}); what is done is kept, run "
                "the same command to go on"
            ) from error

    _room_seen = (0, float("-inf"))

    def _room(self) -> int:
        """How many tasks may be out at once."""
        threads, seen = self._room_seen
        if time.monotonic() - seen > COUNT_SECONDS:
            threads = sum(self._client.nthreads().values())
            self._room_seen = threads, time.monotonic()
        return max(1, AHEAD * threads)


_turn = threading.Lock()  # a worker's threads are for its model: its tasks run one at a time
_set_up: dict[object, bool] = {}


def _perform(function, task, setup, digest):
    if digest != code_digest():
        raise UsageError(
            "expected the cluster's workers to run the same version of age_audit as this machine, they run another; "
            "install the same one there and restart them"
        )
    with _turn:
        if setup is not None and setup not in _set_up:
            from distributed import get_worker

            setup(get_worker().state.nthreads)
            _set_up[setup] = True
        return function(task)
