"""Quiet loading of model libraries."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_start() -> Iterator[None]:
    """Hold back what a library's C++ part writes to stderr while it loads; shown after all if loading fails.

    TensorFlow reports every missing GPU library there before its own log level counts, which buries what a run says.
    It also chooses its kernels while it loads, oneDNN's only on some processors. They are asked for on all, because the
    others add up in an order that depends on the batch and on the number of threads.

    Examples
    --------
    >>> with quiet_start():
    ...     _ = os.write(2, b"a library's chatter, held back")
    """
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(kept, 2)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
