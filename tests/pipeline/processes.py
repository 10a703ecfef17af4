"""Stages as people run them: processes of their own, which can be watched, interrupted and killed."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = {1: "analysis_1_method.py", 2: "analysis_2_evaluate.py"}
ESTIMATOR = "cydral-resnet10"  # a hundredth of the DEX models' cost
PICTURES = ("img-aligned", "img-cropped", "img-masks")
PATIENCE = 300  # seconds; only a run that hangs takes so long


def stage_arguments(stage: int, photos: Path, folder: Path, *options: str) -> list[str]:
    """Options of one stage that writes below a folder."""
    usual = {"--images": str(photos), "--estimator": ESTIMATOR} if stage == 1 else {}
    usual |= {"--output": str(folder / "out"), "--metadatasets": str(folder / "meta")}
    return [*(part for name, value in usual.items() if name not in options for part in (name, value)), *options]


def stage_command(stage: int, photos: Path, folder: Path, *options: str) -> list[str]:
    """The command line of one stage; its first line is told at once, not when a buffer is full."""
    return [sys.executable, "-u", str(ROOT / SCRIPTS[stage]), *stage_arguments(stage, photos, folder, *options)]


def finish(stage: int, photos: Path, folder: Path, *options: str) -> None:
    """One stage to its end, in this process: nobody ends it, and starting another takes seconds."""
    main = importlib.import_module(SCRIPTS[stage].removesuffix(".py")).main
    assert main(stage_arguments(stage, photos, folder, *options)) == 0


class Running:
    """A command in a process group of its own, as a terminal starts it; the group is killed at the end of ``with``.

    Parameters
    ----------
    command : list of str
    log : Path
        File for what it says.
    """

    def __init__(self, command: list[str], log: Path):
        self.log = log
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                command, stdout=stream, stderr=subprocess.STDOUT, process_group=0, preexec_fn=_hear_ctrl_c
            )

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_) -> None:
        if self.members():
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def last_line(self) -> str:
        return self.said().splitlines()[-1]

    def ended(self) -> bool:
        return self.process.poll() is not None

    def wait_for(self, condition: Callable[[], bool]) -> bool:
        """Wait until something is so; false when the command ended before."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if self.ended():
                return False
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.005)
        return True

    def ends_within(self, seconds: float) -> bool:
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def exit_code(self) -> int:
        return self.process.wait(PATIENCE)

    def members(self) -> list[int]:
        """Processes of the group that have not ended."""
        found = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, _, group = path.read_text().rpartition(")")[2].split()[:3]
            except (FileNotFoundError, ProcessLookupError):
                continue  # ended meanwhile
            if int(group) == self.process.pid and state not in "ZX":
                found.append(int(path.parent.name))
        return found

    def workers(self) -> list[int]:
        """Those of its processes that do the work when there are several."""
        return [pid for pid in self.members() if b"spawn_main" in _kept_of(pid, "cmdline")]

    def has_loaded(self, pid: int, library: str) -> bool:
        """Whether a process has loaded, or has begun to load, a library with compiled parts."""
        return f"/{library}/".encode() in _kept_of(pid, "maps")

    def seconds_to_vanish(self) -> float:
        """How long it takes from now until none of its processes is left."""
        start = time.monotonic()
        while self.members():
            assert time.monotonic() - start < PATIENCE, self.members()
            time.sleep(0.005)
        return time.monotonic() - start

    def send(self, cause: signal.Signals, to_all: bool) -> None:
        """Signal the first process alone, or all of the group."""
        (os.killpg if to_all else os.kill)(self.process.pid, cause)


def _hear_ctrl_c() -> None:
    """What a shell starts in the background, tests too, is deaf to Ctrl-C, and so are its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _kept_of(pid: int, what: str) -> bytes:
    """What the system tells of a process; nothing when it has ended."""
    try:
        return Path(f"/proc/{pid}/{what}").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def pictures(folder: Path) -> set[str]:
    """Names of all pictures so far, also of those half written."""
    return {str(path) for name in PICTURES for path in (folder / "out" / name).glob("*")}


def recorded(folder: Path) -> dict[tuple, tuple]:
    """What the ledger holds, in that order, by (image, step, variant): (key, status, reason, note, result, seconds).

    Read from a copy: opening the ledger itself would tidy up what a killed run has left for the next one.
    """
    with tempfile.TemporaryDirectory() as copy:
        for path in (folder / "out").glob("ledger.sqlite*"):
            if not path.name.endswith("-shm"):
                shutil.copy(path, copy)
        database = sqlite3.connect(Path(copy, "ledger.sqlite"))
        try:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'results'").fetchall():
                return {}
            rows = database.execute(
                "SELECT image, step, variant, key, status, reason, note, payload, seconds FROM outcomes "
                "LEFT JOIN results USING (image, step, variant) ORDER BY outcomes.rowid"
            )
            return {row[:3]: row[3:] for row in rows}
        finally:
            database.close()


def steps_recorded(folder: Path) -> int:
    """How many steps the ledger holds that a run has open."""
    with closing(sqlite3.connect(f"file:{folder / 'out' / 'ledger.sqlite'}?mode=ro", uri=True)) as database:
        return database.execute("SELECT COUNT(*) FROM outcomes").fetchone()[0]


def told(json_log: Path) -> list[dict]:
    """What a run has told its log for machines so far."""
    return [json.loads(line) for line in json_log.read_text().splitlines()] if json_log.is_file() else []


def everything_in(folder: Path) -> dict[str, bytes]:
    """All that a finished run leaves but the ledger, and what the ledger holds but how long it took."""
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "ledger" not in path.name
    }
    return files | {str(key): repr(row[:-1]).encode() for key, row in recorded(folder).items()}
