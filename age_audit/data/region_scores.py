"""Activations in either of their formats: the published JSON list, or Parquet partitions where that would be too long.

``metadataset_<name>_activations.json``, and ``part-00000.parquet`` and on in the folder
``metadataset_<name>_activations.parquet``, hold the same rows under the same keys. Writing one takes the other away, so
that no stale rows stay behind; where both are there all the same, the JSON is read, for every tool knows it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import ijson
import pandas as pd

from age_audit.core.config import JSON_AT_ONCE, PARQUET_ABOVE
from age_audit.core.errors import UsageError
from age_audit.data import parquet
from age_audit.data.columns import Part, is_number_column, parts_of
from age_audit.data.frames import frame_of_parts
from age_audit.data.metadatasets import (
    metadataset_path,
    opened,
    packed_path,
    reading,
    refuse_mixed,
    refuse_others_provenance,
    write_metadataset,
    write_provenance,
    writing,
)

KIND = "activations"


def partitions_folder(folder: Path, dataset: str, kind: str = KIND) -> Path:
    """``<folder>/metadataset_<dataset>_<kind>.parquet``."""
    return metadataset_path(folder, dataset, kind).with_suffix(".parquet")


def files_there(folder: Path, dataset: str, kind: str = KIND) -> list[Path]:
    """The activations of a data set, the one that is read first: JSON, JSON packed with gzip, partitions."""
    path = metadataset_path(folder, dataset, kind)
    return [p for p in (path, packed_path(path), partitions_folder(folder, dataset, kind)) if p.exists()]


def format_for(asked: str, images: int) -> str:
    """``json`` or ``parquet``: what was asked for, or for ``auto`` what the number of images calls for."""
    if asked != "auto":
        return asked
    return "parquet" if images > PARQUET_ABOVE else "json"


def write_activations(folder: Path, dataset: str, rows: Iterable[Mapping], form: str, provenance: dict) -> Path:
    """Write activations: :func:`write_rows`."""
    return write_rows(folder, dataset, KIND, rows, form, provenance)


def write_rows(
    folder: Path,
    dataset: str,
    kind: str,
    rows: Iterable[Mapping],
    form: str,
    provenance: dict,
    is_number: Callable[[str], bool] = is_number_column,
) -> Path:
    """Write rows and their provenance, and take away those of the other format.

    Parameters
    ----------
    folder : Path
    dataset, kind : str
    rows : iterable of mapping
        Sorted by ``fname``. For Parquet they are read one row group at a time, and all have the same keys.
    form : str
        ``"json"`` or ``"parquet"``.
    provenance : dict
        Parameters and counts; code and library versions are added.
    is_number : callable
        For Parquet: whether a key is of numbers.

    Returns
    -------
    Path
        The file, or the folder of partitions.

    Raises
    ------
    UsageError
        When the folder cannot be written.
    """
    if form == "json":
        path = write_metadataset(folder, dataset, kind, rows, provenance)
    else:
        path = partitions_folder(folder, dataset, kind)
        with writing(path):
            written = _write_partitions(path, rows, is_number)
            write_provenance(folder, dataset, kind, {"file": path.name} | written | provenance)
    with writing(path):
        for other in files_there(folder, dataset, kind):
            if other.suffix == ".parquet" and form == "json":
                _remove_partitions(other)
            elif other.suffix != ".parquet" and form == "parquet":
                other.unlink()
    return path


def read_activations(
    folder: Path, dataset: str, wanted: Collection[str] | None = None, features: Sequence[str] = ()
) -> pd.DataFrame:
    """Read activations, in whichever format they are there, a part at a time.

    Parameters
    ----------
    folder : Path
    dataset : str
    wanted : collection of str, optional
        Columns to read, the required ones among them; all by default. A few of them take a fraction of the memory.
    features : sequence of str
        Columns to compare faces by, read as well.

    Returns
    -------
    DataFrame
        As :func:`age_audit.data.frames.completed_frame`.

    Raises
    ------
    UsageError
        If they are missing, unreadable, damaged, not a list or an empty one, a row is not what it should be, or the
        predictions beside them have other labels by now.
    """
    refuse_mixed(folder, dataset)
    json_path, folder_path = metadataset_path(folder, dataset, KIND), partitions_folder(folder, dataset)
    partitioned = files_there(folder, dataset) == [folder_path]
    path = folder_path if partitioned else json_path
    wanted = None if wanted is None else {*wanted, *features}
    parts = _partitions(path, wanted) if partitioned else parts_of(_json_rows(folder, dataset), wanted)
    frame = frame_of_parts(parts, features)
    if frame.empty:
        raise UsageError(f"expected at least one image in {path}, got an empty list; run stage 2 on some images")
    return frame


def _partitions(path: Path, wanted: Collection[str] | None) -> Iterator[Part]:
    with reading(path, KIND):
        yield from parquet.read_partitions(path, wanted)


def _json_rows(folder: Path, dataset: str) -> Iterator[Any]:
    """The items of a JSON list: of one that is huge, without ever holding them all."""
    path = metadataset_path(folder, dataset, KIND)
    with reading(path, KIND), opened(path) as stream:
        size = stream.seek(0, os.SEEK_END)  # of the text: a packed file is unpacked once more for it
        stream.seek(0)
        if size > JSON_AT_ONCE:
            yield from _streamed(stream, path)
            return
        content = stream.read()
        found = json.loads(content.decode("utf-8-sig"))
    refuse_others_provenance(folder, dataset, KIND, content)
    yield from _checked_list(found, path)


def _checked_list(found: Any, path: Path) -> list:
    if not isinstance(found, list):
        raise UsageError(f"expected a list of objects, one an image, in {path}, got {type(found).__name__}")
    return found


def _streamed(stream: BinaryIO, path: Path) -> Iterator[Any]:
    """The items by ijson, which knows neither the byte order mark nor NaN, nor numbers beyond 64 bits."""
    start = 3 if stream.read(3) == b"\xef\xbb\xbf" else 0
    came = 0
    try:
        stream.seek(start)
        event, value = next(ijson.basic_parse(stream, use_float=True))
        if event != "start_array":
            _checked_list({} if event == "start_map" else value, path)
        stream.seek(start)
        for came, item in enumerate(ijson.items(stream, "item", use_float=True), 1):  # noqa: B007
            yield item
    except ijson.JSONError as error:
        # ijson reads some 60 KB ahead, and does not hand out the rows of those that come before the damage.
        raise ValueError(f"{_told(error)}, after at least {came:,} row(s)") from error


def _told(error: ijson.JSONError) -> str:
    """What ijson says and the text around the damage, on one line and without the arrow that points into it."""
    words = error.args[0]
    lines = (words.decode(errors="replace") if isinstance(words, bytes) else words).splitlines()
    near = "".join(lines[1:2]).strip()
    return lines[0].rstrip(".") + (f", near {near!r}" if near else "")


def _write_partitions(path: Path, rows: Iterable[Mapping], is_number: Callable[[str], bool]) -> dict:
    """Write all partitions elsewhere first, so that never some are old and some new; what is the same stays."""
    partial = path.with_name(f".{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed
    try:
        partial.mkdir()
        count = parquet.write_partitions(partial, rows, is_number)
        digests = _digests(partial)
        if _digests(path) != digests:
            _remove_partitions(path)
            path.mkdir(exist_ok=True)
            for partition in parquet.partition_paths(partial):
                partition.replace(path / partition.name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return {"rows": count, "sha256": digests}


def _digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every partition by name."""
    digests = {}
    for path in parquet.partition_paths(folder):
        with path.open("rb") as stream:
            digests[path.name] = hashlib.file_digest(stream, "sha256").hexdigest()
    return digests


def _remove_partitions(path: Path) -> None:
    """Remove the partitions and their folder, unless somebody else's files are in it too."""
    for partition in parquet.partition_paths(path):
        partition.unlink()
    with suppress(OSError):
        path.rmdir()
