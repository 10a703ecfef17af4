"""Errors that a user can act on."""

from __future__ import annotations

import errno
import sqlite3


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
