"""How far the work is: a bar in a terminal, a line now and then elsewhere, and JSON lines for machines."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from age_audit.core.errors import UsageError

LINE_SECONDS = 30.0  # between two lines where there is no terminal
LOG_SECONDS = 1.0  # between two entries of the JSON log

Advance = Callable[[int, int], None]


@dataclass
class State:
    """Where a step is. ``seconds`` run since it began in this run; what was done before is not counted."""

    label: str
    unit: str
    total: int
    done: int = 0
    failed: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Units a second, failures included; 0 before the first."""
        return self.done / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        return (self.total - self.done) / self.rate if self.rate else None

    def __str__(self) -> str:
        told = [f"{self.label}: {self.done} of {self.total} {self.unit}s"]
        if self.rate:
            fast = self.rate >= 1
            told.append(f"{self.rate:.1f} {self.unit}s a second" if fast else f"{1 / self.rate:.1f} s a {self.unit}")
            if self.done < self.total:
                told.append(f"{_duration(self.seconds_left)} left")
        return ", ".join([*told, f"{self.failed} failed"])


class Progress:
    """Tells everyone who listens how each step goes.

    Parameters
    ----------
    stream : TextIO
        Terminal or file for people.
    log : TextIO, optional
        File for machines.
    """

    def __init__(self, stream: TextIO, log: TextIO | None = None):
        self._stream = stream
        self._log = log

    @contextmanager
    def step(self, label: str, unit: str, total: int) -> Iterator[Advance]:
        """Show one step; gives the function to call with units done and units of these that failed."""
        state = State(label, unit, total)
        start = time.monotonic()
        with ExitStack() as shown:
            shows = [shown.enter_context(_bar(state, self._stream) if self._stream.isatty() else self._lines(state))]
            if self._log is not None:
                shows.append(shown.enter_context(self._entries(state)))

            def advance(done: int, failed: int) -> None:
                state.done += done
                state.failed += failed
                state.seconds = time.monotonic() - start
                for show in shows:
                    show()

            yield advance

    def tell(self, event: str, **facts) -> None:
        """Write something else to the machines' log."""
        if self._log is not None:
            print(json.dumps({"event": event} | facts), file=self._log, flush=True)

    @contextmanager
    def _lines(self, state: State) -> Iterator[Callable[[], None]]:
        try:
            yield _now_and_then(LINE_SECONDS, lambda: print(state, file=self._stream, flush=True))
        finally:
            print(state, file=self._stream, flush=True)

    @contextmanager
    def _entries(self, state: State) -> Iterator[Callable[[], None]]:
        def entry(event: str) -> None:
            left = None if state.seconds_left is None else round(state.seconds_left, 1)
            facts = {"step": state.label, "unit": state.unit, "total": state.total, "done": state.done}
            facts |= {"failed": state.failed, "seconds": round(state.seconds, 3), "seconds_left": left}
            self.tell(event, **facts)

        entry("step-begins")
        try:
            yield _now_and_then(LOG_SECONDS, lambda: entry("step"))
        finally:
            entry("step-ends")


@contextmanager
def open_progress(json_log: Path | None) -> Iterator[Progress]:
    """Progress on stderr and, if a path is given, appended to a file.

    Raises
    ------
    UsageError
        When the file cannot be written.
    """
    if json_log is None:
        yield Progress(sys.stderr)
        return
    try:
        stream = json_log.open("a")
    except OSError as error:
        raise UsageError(f"expected --json-log to be a file that can be written, got {json_log}: {error}") from error
    with stream:
        yield Progress(sys.stderr, stream)


@contextmanager
def _bar(state: State, stream: TextIO) -> Iterator[Callable[[], None]]:
    with tqdm(total=state.total, desc=state.label, unit=state.unit, mininterval=0.5, file=stream) as bar:

        def show() -> None:
            if state.failed:
                bar.set_postfix_str(f"{state.failed} failed", refresh=False)
            bar.update(state.done - bar.n)

        yield show


def _now_and_then(seconds: float, act: Callable[[], None]) -> Callable[[], None]:
    """The same function, doing nothing when it acted less than so many seconds ago."""
    last = time.monotonic()

    def maybe() -> None:
        nonlocal last
        if time.monotonic() - last >= seconds:
            last = time.monotonic()
            act()

    return maybe


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"
