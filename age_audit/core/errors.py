"""Errors that a user can act on."""

from __future__ import annotations

import errno
import sqlite3

# What libraries say who have no type for it: TensorFlow, JAX, PyTorch, onnxruntime, the loader of libraries, Python
OUT_OF_MEMORY = (
    *("resource_exhausted", "resourceexhausted", "outofmemory", "out of memory", "failed to allocate memory"),
    *("bad_alloc", "failed to map segment", "cannot allocate memory", "can't start new thread"),
)


class UsageError(Exception):
    """What was asked cannot be done; the message says what was expected, what came and what to do. Exit code 2."""


class ImageFailure(Exception):
    """One image cannot go through one step; the run goes on without it.

    Parameters
    ----------
    reason : str
        Short stable code that is counted, e.g. ``"no-face"``.
    note : str
        One sentence for a person.
    """

    def __init__(self, reason: str, note: str = ""):
        super().__init__(f"{reason}: {note}" if note else reason)
        self.reason = reason
        self.note = note


def is_disk_full(error: BaseException) -> bool:
    """Whether nothing could be written for want of space, or because the user's share of it is used up."""
    if isinstance(error, sqlite3.Error):
        # The second is what SQLite says when there is no room for its index of the write-ahead log.
        full = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)
        return getattr(error, "sqlite_errorcode", None) in full
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def is_out_of_files(error: BaseException) -> bool:
    """Whether this process, or the machine, may not open another file."""
    return isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether there was no memory left, on the machine or on a graphics card."""
    told = f"{type(error).__name__} {error}".lower()
    return isinstance(error, MemoryError) or any(words in told for words in OUT_OF_MEMORY)


def shortage(error: BaseException | None) -> str | None:
    """What the machine ran out of, and what to do, in a sentence; None for errors that have another cause."""
    while error is not None:
        if is_disk_full(error):
            return "the disk is full; free some space and run the same command to go on"
        if is_out_of_files(error):
            return (
                "too many files are open; allow more (ulimit -n 1024) or take fewer --workers, and run the same command"
            )
        if is_out_of_memory(error):
            return (
                "the memory is used up, or its limit is low (ulimit -v); free some, take fewer --workers or a smaller "
                "--batch, and run the same command to go on"
            )
        error = error.__cause__ or error.__context__
    return None
