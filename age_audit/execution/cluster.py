"""Work on a ``dask.distributed`` cluster; images and output lie on storage that all machines see under one path."""

from __future__ import annotations

import asyncio
import json
import pickle
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from distributed import CancelledError, Client, KilledWorker, as_completed
from distributed.comm import CommClosedError
from distributed.security import Security

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
        ``tcp://host:port``, ``tls://host:port``, for which dask's own settings name the certificates, or the path of a
        scheduler file.

    Raises
    ------
    UsageError
        When nothing answers there.
    """

    def __init__(self, address: str):
        self._address = address
        where = address if "://" in address else _address_in(Path(address))
        try:
            if where.startswith("tls://"):
                _check_certificate()
            self._client = Client(where, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise UsageError(
                f"expected a dask scheduler at {address}, but: {error}; start one as docs/scaling.md says"
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
                    order = pickle.dumps(_Order(function, waiting[0], setup))
                    future = self._client.submit(pickle.loads, order, pure=False, key=None)
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
        except UsageError as error:
            raise UsageError(f"a worker of the cluster at {self._address} refuses: {error}") from error
        except ImportError as error:
            raise UsageError(
                f"expected the workers of the cluster at {self._address} to have what this machine has, one lacks "
                f"{error.name or error}; set the same version of age_audit up there with `make setup`, and start them "
                "from its folder as .venv/bin/dask"
            ) from error

    _room_seen = (0, float("-inf"))

    def _room(self) -> int:
        """How many tasks may be out at once."""
        threads, seen = self._room_seen
        if time.monotonic() - seen > COUNT_SECONDS:
            threads = sum(self._client.nthreads().values())
            self._room_seen = threads, time.monotonic()
        return max(1, AHEAD * threads)


def _address_in(scheduler_file: Path) -> str:
    try:
        return json.loads(scheduler_file.read_text())["address"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            "expected --cluster to be an address such as tcp://host:8786 or the file of a scheduler that runs, got "
            f"{scheduler_file}; reading it failed: {error}"
        ) from error


def _check_certificate() -> None:
    """Without one dask would say so after a minute, in a traceback."""
    try:
        named = Security().get_connection_args("client")["ssl_context"] is not None
    except OSError as error:
        raise OSError(f"the certificate that dask's settings name cannot be read ({error})") from error
    if not named:
        raise ValueError(
            "dask's settings name no certificate for it; set DASK_DISTRIBUTED__COMM__TLS__CA_FILE, …__CLIENT__CERT "
            "and …__CLIENT__KEY"
        )


_turn = threading.Lock()  # a worker's threads are for its model: its tasks run one at a time
_set_up: dict[object, bool] = {}


class _Order:
    """A task that is carried out where it is unpickled: a worker that lacks age_audit fails as at any task.

    dask itself unpickles functions and arguments where nothing catches what goes wrong: the worker would end, and this
    process wait for ever.
    """

    def __init__(self, function, task, setup):
        self._parts = code_digest(), pickle.dumps((function, task, setup))

    def __reduce__(self):
        return _perform, self._parts


def _perform(digest, order):
    if digest != code_digest():
        raise UsageError(
            "expected the cluster's workers to run the same version of age_audit as this machine, they run another; "
            "set the same one up there and restart them"
        )
    function, task, setup = pickle.loads(order)
    with _turn:
        if setup is not None and setup not in _set_up:
            from distributed import get_worker

            setup(get_worker().state.nthreads)
            _set_up[setup] = True
        return function(task)
