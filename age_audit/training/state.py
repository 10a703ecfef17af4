"""What of a training is kept: after each epoch all that the next depends on, and in the end the model."""

from __future__ import annotations

import io
import json
import re
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from age_audit.core.errors import UsageError
from age_audit.store.files import pack_arrays, sha256_of, unpack_arrays, write_atomically

CURVES = (
    *("stage", "epoch", "loss", "exact", "within_one"),
    *("validation_loss", "validation_exact", "validation_within_one"),
)


class State:
    """Where a training is, in memory and on the disk: curves, all numbers that change, and the best ones so far.

    Parameters
    ----------
    path : Path
        Where it is kept; what lies there already is gone on with.
    learnt : keras.Model
        Its layers have all numbers that any stage changes.
    key : str
        Tells this training from others.

    Raises
    ------
    UsageError
        If another training is kept there, or what is kept is damaged.
    """

    def __init__(self, path: Path, learnt: keras.Model, key: str):
        self.path, self.key = path, key
        self.variables = [variable for layer in learnt.layers for variable in layer.variables]
        self.stage, self.epoch, self.waited, self.lowest = 1, 0, 0, np.inf
        self.rows: list[dict] = []
        self.best = self.now()
        self.optimizer: list | None = None
        self.stored: dict[str, np.ndarray] = {}
        if path.is_file():
            self._read()

    @property
    def curves(self) -> pd.DataFrame:
        """A row an epoch."""
        return pd.DataFrame(self.rows, columns=list(CURVES))

    def now(self) -> list[np.ndarray]:
        """All numbers that change, as they are."""
        return [np.array(keras.ops.convert_to_numpy(variable)) for variable in self.variables]

    def begin(self, stage: int, optimizer) -> None:
        """Go on where the stored epoch ended, or begin a stage from the best weights so far."""
        self.optimizer = optimizer.variables
        if self.stored:
            now, moments = _unnumbered(self.stored, "now"), _unnumbered(self.stored, "optimizer")
            self.stored = {}
        else:
            self.stage, self.epoch, self.waited, now, moments = stage, 0, 0, self.best, []
        for variable, value in (*zip(self.variables, now, strict=True), *zip(self.optimizer, moments, strict=False)):
            variable.assign(value)

    def keep(self, row: dict) -> None:
        """Note an epoch, and write all that the next one depends on."""
        self.epoch += 1
        self.rows.append({"stage": self.stage, "epoch": self.epoch} | row)
        self.waited += 1
        if row["validation_loss"] < self.lowest:
            self.lowest, self.waited, self.best = row["validation_loss"], 0, self.now()
        self._write()

    def take_best(self) -> None:
        """Give the network the weights that were best so far."""
        for variable, value in zip(self.variables, self.best, strict=True):
            variable.assign(value)

    def _write(self) -> None:
        facts = {name: getattr(self, name) for name in ("key", "stage", "epoch", "waited", "lowest", "rows")}
        moments = [np.asarray(keras.ops.convert_to_numpy(variable)) for variable in self.optimizer]
        arrays = _numbered("now", self.now()) | _numbered("best", self.best) | _numbered("optimizer", moments)
        write_atomically(self.path, pack_arrays(facts=np.array(json.dumps(facts)), **arrays))

    def _read(self) -> None:
        try:
            self.stored = unpack_arrays(self.path.read_bytes())
            facts = json.loads(str(self.stored["facts"]))
            key = facts["key"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"expected {self.path} to hold where a training was, but it is damaged ({error}); delete it, and the "
                "same command trains anew"
            ) from error
        if key != self.key:
            raise UsageError(
                f"expected {self.path.parent} to hold this training, it holds one with other options, faces or labels; "
                "choose another --output, or delete it"
            )
        self.stage, self.epoch, self.waited, self.lowest = (facts[n] for n in ("stage", "epoch", "waited", "lowest"))
        self.rows, self.best = facts["rows"], _unnumbered(self.stored, "best")


def _numbered(name: str, arrays: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    return {f"{name}_{place:04}": array for place, array in enumerate(arrays)}


def _unnumbered(stored: dict[str, np.ndarray], name: str) -> list[np.ndarray]:
    return [stored[key] for key in sorted(stored) if key.startswith(f"{name}_")]


def save_model(model: keras.Model, path: Path) -> str:
    """Write a ``.keras`` file; the same model gives the same bytes, for what Keras notes of the time is left out.

    Returns
    -------
    str
        SHA-256 of the file.

    Examples
    --------
    >>> import tempfile
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="one")], name="tiny")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hashes = {save_model(model, Path(folder) / f"{name}.keras") for name in "ab"}
    >>> len(hashes)
    1
    """
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model.keras")
        with zipfile.ZipFile(Path(folder) / "model.keras") as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    facts = json.loads(members["metadata.json"])
    members["metadata.json"] = json.dumps({name: fact for name, fact in facts.items() if name != "date_saved"}).encode()
    members["config.json"] = _without_addresses(members["config.json"].decode()).encode()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(members.items()):
            archive.writestr(zipfile.ZipInfo(name), content)  # which has a date of its own, the same always
    write_atomically(path, stream.getvalue())
    return sha256_of(path)


def _without_addresses(config: str) -> str:
    """Objects that are shared are numbered as they come: Keras calls them by where they lay in memory."""
    numbers: dict[str, str] = {}

    def number(match: re.Match) -> str:
        return f'"shared_object_id": {numbers.setdefault(match[1], str(len(numbers)))}'

    return re.sub(r'"shared_object_id": (\d+)', number, config)
