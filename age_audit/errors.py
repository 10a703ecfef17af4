"""Errors that a user can act on."""

from __future__ import annotations


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
