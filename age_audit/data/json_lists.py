"""A JSON list read item by item, however long: its text is held in windows, never whole.

Damage is told in the words of :func:`json.loads`, with its place in the file.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

CHUNK = 1 << 22  # characters read at once: some 2,500 rows of an activations file
_TAIL = 16  # characters: any number's end, literal or escape that the end of a window cuts is shorter
_SPACE = re.compile(r"[ \t\n\r]*")  # what JSON knows as white space
_DECODER = json.JSONDecoder()


class NotAListError(Exception):
    """The document is JSON, but no list; the message is the name of what it is in Python."""


def read_list(
    stream: BinaryIO, quick: Callable[[str], Any | None] | None = None, chunk: int = CHUNK
) -> Iterator[list | Any]:
    """Read a JSON list in parts.

    Parameters
    ----------
    stream : binary file
        UTF-8, with or without byte order mark.
    quick : callable, optional
        Offered the text of many items at once, without the brackets of the list: ``{...}, {...}``. What it answers is
        one part, and None leaves the text to be read item by item.
    chunk : int
        Characters to read at once.

    Yields
    ------
    list or what ``quick`` answered
        Items in their order; no part is empty.

    Raises
    ------
    NotAListError
        If the document is something else.
    ValueError, RecursionError
        If it is no JSON; all items before the damage may have been yielded.
    """
    window = _Window(stream, chunk)
    is_list = window.next_character() == "["
    if not is_list:
        other = window.next_item()
    else:
        window.at += 1
        if window.next_character() == "]":
            window.at += 1
        else:
            yield from _parts(window, quick)
    if window.next_character():
        raise window.damage("Extra data", window.at)
    if not is_list:
        raise NotAListError(type(other).__name__)


def _parts(window: _Window, quick: Callable[[str], Any | None] | None) -> Iterator[list | Any]:
    """From the first item to the closing bracket."""
    more_follow = True
    while more_follow:
        if window.is_short():
            window.read_on()
        window.next_character()
        many = window.whole_objects() if quick else ""
        answer = quick(many) if many else None
        if answer is not None:
            window.at += len(many)
            more_follow = window.next_delimiter()
            yield answer
            continue
        items = [window.next_item()]
        more_follow = window.next_delimiter()
        while more_follow and not window.is_short():
            items.append(window.next_item())
            more_follow = window.next_delimiter()
        yield items


class _Window:
    """The part of the text that is being read: ``text`` from ``at`` on; ``ended`` when nothing follows it."""

    def __init__(self, stream: BinaryIO, chunk: int):
        self._stream = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        self._chunk = chunk
        self._gone = 0  # characters before the text
        self._lines_gone = 0
        self._line_start = 0  # where the line in which the text begins started, counted from the start of the file
        self.text = ""
        self.at = 0
        self.ended = False

    def is_short(self) -> bool:
        """Whether less than half a chunk lies ahead although more follows."""
        return not self.ended and len(self.text) - self.at < self._chunk / 2

    def read_on(self) -> None:
        """Forget what was read and add a chunk, or as much again where one item is longer than that."""
        newline = self.text.rfind("\n", 0, self.at)
        if newline >= 0:  # counting takes longer than searching
            self._line_start = self._gone + newline + 1
            self._lines_gone += self.text.count("\n", 0, self.at)
        self._gone += self.at
        self.text = self.text[self.at :]
        self.at = 0
        more = self._decoded(max(self._chunk, len(self.text)))
        self.text += more
        self.ended = not more

    def _decoded(self, characters: int) -> str:
        try:
            return self._stream.read(characters)
        except UnicodeDecodeError as error:  # its position counts from somewhere within the file
            byte = error.object[error.start]
            raise ValueError(
                f"'utf-8' codec can't decode byte 0x{byte:02x}: {error.reason}, after character "
                f"{self._gone + len(self.text)}"
            ) from error

    def next_character(self) -> str:
        """The next one that is no white space, without reading past it; empty at the end."""
        while True:
            self.at = _SPACE.match(self.text, self.at).end()
            if self.at < len(self.text):
                return self.text[self.at]
            if self.ended:
                return ""
            self.read_on()

    def whole_objects(self) -> str:
        """What lies ahead up to the last ``}, {``, which parts two objects unless it is within a string."""
        return self.text[self.at : self.text.rfind("}, {", self.at) + 1]

    def next_item(self) -> Any:
        """Decode one item. What ends where the window does may go on, and is decoded again with more text."""
        self.next_character()
        while True:
            failure = None
            try:
                item, end = _DECODER.raw_decode(self.text, self.at)
            except json.JSONDecodeError as error:
                failure = error
                end = len(self.text) if error.msg.startswith("Unterminated string") else error.pos
            if not self.ended and end > len(self.text) - _TAIL:
                self.read_on()
            elif failure is None:
                self.at = end
                return item
            else:
                raise self.damage(failure.msg, failure.pos) from failure

    def next_delimiter(self) -> bool:
        """Read past a comma (True) or the closing bracket (False)."""
        found = self.next_character()
        if found not in (",", "]"):
            raise self.damage("Expecting ',' delimiter", self.at)
        self.at += 1
        return found == ","

    def damage(self, message: str, at: int) -> ValueError:
        """What is wrong and where, as :class:`json.JSONDecodeError` words it."""
        line = self._lines_gone + self.text.count("\n", 0, at) + 1
        newline = self.text.rfind("\n", 0, at)
        start = self._line_start if newline < 0 else self._gone + newline + 1
        return ValueError(f"{message}: line {line} column {self._gone + at - start + 1} (char {self._gone + at})")
