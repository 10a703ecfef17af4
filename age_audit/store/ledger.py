"""The record of every image and step of one output folder, and what the steps gave.

One SQLite file. A step's outcome and its result are written in one transaction, so that neither is ever found
without the other, and a process killed at any moment leaves the last complete state.
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from age_audit.core.errors import UsageError, shortage
from age_audit.core.schema import FaceLabel, ImageOutcome

FILE_NAME = "ledger.sqlite"
FORMAT = "1"
_OR_ELSE = "put back a copy of the ledger or use another --output"
COMMIT_SECONDS = 0.02  # a commit costs a tenth of a millisecond: hundreds of workers would wait for one a face

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS images (
    image TEXT PRIMARY KEY, fname TEXT NOT NULL, content TEXT, age REAL, gender TEXT, race TEXT, label_problem TEXT,
    listed INTEGER NOT NULL DEFAULT 1);
CREATE TABLE IF NOT EXISTS outcomes (
    image TEXT, step TEXT, variant TEXT, key TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,
    note TEXT NOT NULL, seconds REAL NOT NULL, PRIMARY KEY (image, step, variant));
CREATE TABLE IF NOT EXISTS results (
    image TEXT, step TEXT, variant TEXT, payload BLOB NOT NULL, PRIMARY KEY (image, step, variant));
CREATE TABLE IF NOT EXISTS mask_files (image TEXT PRIMARY KEY, key TEXT NOT NULL);
"""
# Older ledgers lack these; whoever wrote them reads on, for columns are asked for by name.
_ADDED_COLUMNS = {"age_low": "REAL", "age_high": "REAL", "features": "TEXT"}
_IMAGE_COLUMNS = "image, fname, content, age, gender, race, label_problem, age_low, age_high, features"


@dataclass(frozen=True)
class StepRecord:
    """An outcome with what makes it findable: ``variant`` tells estimators and presets apart, ``key`` is the hash of
    everything the step depended on, ``payload`` its result.
    """

    outcome: ImageOutcome
    variant: str
    key: str
    payload: bytes | None = None

    @property
    def image(self) -> str:
        return self.outcome.fname


@dataclass(frozen=True)
class Outcome:
    """One row of the ledger, as read."""

    key: str
    status: str
    reason: str
    note: str


@dataclass(frozen=True)
class ImageRow:
    """What is known of one image: its file name, the hash of its bytes where it can be read, and its label."""

    image: str
    fname: str
    content: str | None
    label: FaceLabel


class Ledger:
    """Opens, and locks, the ledger of an output folder.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    create : bool
        Whether a folder without ledger gets one.

    Raises
    ------
    UsageError
        When there is none to open, it cannot be written, another run holds it, or it is of another format.
    OSError or sqlite3.Error
        When the machine ran out of something: see :func:`age_audit.core.errors.shortage`.
    """

    def __init__(self, folder: Path, create: bool = True):
        self.path = folder / FILE_NAME
        if not create and not self.path.is_file():
            raise UsageError(
                f"expected a ledger at {self.path}, found none; run analysis_1_method.py with this --output first"
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with ExitStack() as opened:  # closes everything again when a later part fails
                opened.enter_context(_locked(folder / f".{FILE_NAME}.lock"))
                self._db = opened.enter_context(closing(sqlite3.connect(self.path)))
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
                self._db.executescript(_TABLES)
                self._check_columns()
                self._check_format()
                self._add_columns()
                self._opened = opened.pop_all()
        except (OSError, sqlite3.Error) as error:
            if shortage(error):
                raise
            raise UsageError(
                f"expected a ledger that can be written at {self.path}, but: {error}; {_OR_ELSE}"
            ) from error

    def _check_columns(self) -> None:
        with closing(sqlite3.connect(":memory:")) as empty:
            empty.executescript(_TABLES)
            tables = [name for (name,) in empty.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            lacking = [
                f"{table}.{name}" for table in tables for name in _columns(empty, table) - _columns(self._db, table)
            ]
        if lacking:
            raise UsageError(f"expected the column {sorted(lacking)[0]} in {self.path}, it is not there; {_OR_ELSE}")

    def _check_format(self) -> None:
        found = self.meta("format")
        if found is None:
            self.set_meta("format", FORMAT)
        elif found != FORMAT:
            raise UsageError(f"expected {self.path} to be of format {FORMAT}, it is of {found}; use another --output")

    def _add_columns(self) -> None:
        there = _columns(self._db, "images")
        with self._db:
            for name, kind in _ADDED_COLUMNS.items():
                if name not in there:
                    self._db.execute(f"ALTER TABLE images ADD COLUMN {name} {kind}")

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_) -> None:
        self._opened.close()

    def meta(self, name: str) -> str | None:
        """One fact about the folder, e.g. whether its faces are aligned."""
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_meta(self, name: str, value: str) -> None:
        """State one fact about the folder."""
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def labels_from(self) -> dict | None:
        """Where the labels of the images come from, as given to :meth:`write_images`."""
        return self.stated("labels")

    def stated(self, name: str) -> dict | None:
        """One fact about the folder that was stated in JSON."""
        text = self.meta(name)
        return None if text is None else self._from_json(text, name)

    def _from_json(self, text: str, what: str) -> dict:
        try:
            return dict(json.loads(text))
        except (ValueError, TypeError) as error:
            raise UsageError(f"expected the {what} in {self.path} to be readable, but: {error}; {_OR_ELSE}") from error

    def write_images(
        self, rows: Iterable[ImageRow], listed: Iterable[str] | None = None, labels_from: dict | None = None
    ) -> None:
        """Add or replace what is known of images.

        Parameters
        ----------
        rows : iterable of ImageRow
        listed : iterable of str, optional
            All images that are in the folder now: others stay in the ledger, but no longer count.
        labels_from : dict, optional
            Where all labels of the folder now come from.
        """
        with self._db:
            if labels_from is not None:
                self._db.execute("INSERT OR REPLACE INTO meta VALUES ('labels', ?)", (json.dumps(labels_from),))
            if listed is not None:
                self._db.execute("UPDATE images SET listed = 0")
                self._db.executemany("UPDATE images SET listed = 1 WHERE image = ?", ((image,) for image in listed))
            self._db.executemany(
                f"INSERT OR REPLACE INTO images ({_IMAGE_COLUMNS}, listed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
                ((row.image, row.fname, row.content, *_label_cells(row.label)) for row in rows),
            )

    def images(self, gone: bool = False) -> dict[str, ImageRow]:
        """Everything known of the images that count, by image, sorted; also of those that are gone, if asked for."""
        rows = self._db.execute(f"SELECT {_IMAGE_COLUMNS} FROM images WHERE listed OR ? ORDER BY image", (gone,))
        return {row[0]: ImageRow(*row[:3], self._label(row[1], *row[3:])) for row in rows}

    def contents(self) -> set[str]:
        """Hashes of the bytes of the images that count and could be read."""
        return {row[0] for row in self._db.execute("SELECT content FROM images WHERE listed AND content IS NOT NULL")}

    def _label(self, fname: str, age, gender, race, problem, low, high, features) -> FaceLabel:
        bounds = None if low is None else (low, high)
        further = self._from_json(features, f"labels of {fname}") if features else {}
        return FaceLabel(fname, age, gender, race, problem, bounds, further)

    def record(self, records: Iterable[StepRecord]) -> None:
        """Write outcomes with their results, all or none of them."""
        records = list(records)
        with self._db:
            self._db.executemany(
                "INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    (
                        r.image,
                        r.outcome.stage,
                        r.variant,
                        r.key,
                        r.outcome.status,
                        r.outcome.reason,
                        r.outcome.note,
                        r.outcome.seconds,
                    )
                    for r in records
                ),
            )
            self._db.executemany(
                "DELETE FROM results WHERE image = ? AND step = ? AND variant = ?",
                ((r.image, r.outcome.stage, r.variant) for r in records),
            )
            self._db.executemany(
                "INSERT INTO results VALUES (?, ?, ?, ?)",
                ((r.image, r.outcome.stage, r.variant, r.payload) for r in records if r.payload is not None),
            )

    def record_as_they_come(self, results: Generator[list[StepRecord]]) -> int:
        """Write the records of many tasks, what comes within ``COMMIT_SECONDS`` together; returns their number.

        However the run ends, at most those are lost, and what is in hand. The generator is closed, and with it its
        workers.
        """
        pending: list[StepRecord] = []
        tasks, written = 0, time.monotonic()
        try:
            for records in results:
                pending += records
                tasks += 1
                if time.monotonic() - written >= COMMIT_SECONDS:
                    self.record(pending)
                    pending, written = [], time.monotonic()
        finally:
            with closing(results):
                self.record(pending)  # an interrupted run keeps what it has
        return tasks

    def outcomes(self, step: str, variant: str = "") -> dict[str, Outcome]:
        """How a step ended, by image."""
        rows = self._db.execute(
            "SELECT image, key, status, reason, note FROM outcomes WHERE step = ? AND variant = ?", (step, variant)
        )
        return {row[0]: Outcome(*row[1:]) for row in rows}

    def variants(self, step: str) -> list[str]:
        """Variants of a step that have outcomes, sorted."""
        return [
            row[0]
            for row in self._db.execute("SELECT DISTINCT variant FROM outcomes WHERE step = ? ORDER BY 1", (step,))
        ]

    def payload(self, image: str, step: str, variant: str = "") -> bytes | None:
        """The result of one step of one image, if there is one."""
        row = self._db.execute(
            "SELECT payload FROM results WHERE image = ? AND step = ? AND variant = ?", (image, step, variant)
        ).fetchone()
        return row[0] if row else None

    def payloads(self, step: str, variant: str = "") -> Iterator[tuple[str, bytes]]:
        """All results of a step, by image in order, one at a time."""
        yield from self._db.execute(
            "SELECT image, payload FROM results WHERE step = ? AND variant = ? ORDER BY image", (step, variant)
        )

    def forget(self, step: str, variant: str, images: Iterable[str]) -> None:
        """Drop what a step gave for these images, and that it ended: the next run does it again."""
        where = [(image, step, variant) for image in images]
        with self._db:
            for table in ("outcomes", "results"):
                self._db.executemany(f"DELETE FROM {table} WHERE image = ? AND step = ? AND variant = ?", where)

    def mask_files(self) -> dict[str, str]:
        """Which explanation each mask picture on disk shows: {image: key}."""
        return dict(self._db.execute("SELECT image, key FROM mask_files"))

    def set_mask_files(self, keys: Iterable[tuple[str, str]]) -> None:
        """Note which explanations the mask pictures show."""
        with self._db:
            self._db.executemany("INSERT OR REPLACE INTO mask_files VALUES (?, ?)", keys)

    def forget_mask_files(self, images: Iterable[str]) -> None:
        """Trust the mask pictures of these images no longer, because they are about to be drawn anew."""
        with self._db:
            self._db.executemany("DELETE FROM mask_files WHERE image = ?", ((image,) for image in images))


def _label_cells(label: FaceLabel) -> tuple:
    features = json.dumps(dict(label.features), ensure_ascii=False) if label.features else None
    return label.age, label.gender, label.race, label.problem, *(label.age_bounds or (None, None)), features


def _columns(database: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in database.execute(f"PRAGMA table_info({table})")}


def _locked(path: Path):
    """An open file under an exclusive lock, which the system drops with the process however it ends."""
    stream = path.open("w")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        stream.close()
        raise UsageError(
            f"expected to be the only run that writes to {path.parent}, but another one does; wait for it"
        ) from error
    return stream
