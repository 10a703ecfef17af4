"""Arrays as bytes, and files that appear whole or not at all."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

TEMPORARY_SUFFIX = ".partial"


def pack_arrays(**arrays: np.ndarray) -> bytes:
    """Named arrays as one compressed NPZ file; the same arrays give the same bytes."""
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def write_arrays_by_row(
    stream: BinaryIO, whole: dict[str, np.ndarray], by_row: Sequence[str], rows: Iterable[Sequence[np.ndarray]], n: int
) -> None:
    """An NPZ file some of whose arrays need not fit into memory; readable as those of :func:`pack_arrays` are.

    Parameters
    ----------
    stream : BinaryIO
    whole : dict of str to ndarray
        Arrays that come first.
    by_row : sequence of str
        Names of the others.
    rows : iterable of sequence of ndarray of uint8, shape (C,)
        For each of ``n`` rows, one for each name.
    n : int
        At least 1.
    """
    with ExitStack() as opened:
        archive = opened.enter_context(zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED))
        held = [opened.enter_context(tempfile.TemporaryFile()) for _ in by_row]  # a ZIP takes one member at a time
        columns = 0
        for row in rows:
            for place, values in zip(held, row, strict=True):
                place.write(values.tobytes())
                columns = len(values)
        for name, values in whole.items():
            with archive.open(_array_in_zip(name), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, values, allow_pickle=False)
        for name, place in zip(by_row, held, strict=True):
            with archive.open(_array_in_zip(name), "w", force_zip64=True) as member:
                header = {"descr": "|u1", "fortran_order": False, "shape": (n, columns)}
                np.lib.format.write_array_header_1_0(member, header)
                place.seek(0)
                shutil.copyfileobj(place, member)


def _array_in_zip(name: str) -> zipfile.ZipInfo:
    """A member as numpy names it, without a date."""
    info = zipfile.ZipInfo(f"{name}.npy")
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def unpack_arrays(content: bytes) -> dict[str, np.ndarray]:
    """The inverse of :func:`pack_arrays`. Objects are refused, so that nothing is unpickled.

    Raises
    ------
    ValueError
        When the bytes are damaged or something else.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return dict(arrays)
    except Exception as error:  # damage makes NumPy raise all kinds, and advise to unpickle what may be anything
        raise ValueError("not a whole NPZ file of plain arrays") from error


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under another name and rename it when it is whole, also on the disk: after a power cut too, the file
    is whole, or the old one, or not there.
    """
    with _whole_file(path, lambda stream: stream.write(content)) as partial:
        partial.replace(path)


def write_if_new(path: Path, fill: Callable[[BinaryIO], object]) -> str:
    """Have a file filled as :func:`write_atomically` writes one; one that holds the same bytes is left alone.

    Parameters
    ----------
    path : Path
    fill : callable
        Writes the content to a stream, piece by piece, so that it need not fit into memory.

    Returns
    -------
    str
        SHA-256 of the content.
    """
    remove_partial_files(path.parent, path.name)  # of this file only: other runs may be writing others here
    with _whole_file(path, fill) as partial:
        digest = sha256_of(partial)
        if not path.is_file() or sha256_of(path) != digest:
            partial.replace(path)
    return digest


@contextmanager
def _whole_file(path: Path, fill: Callable[[BinaryIO], object]) -> Iterator[Path]:
    """A filled file beside ``path``, to be renamed; otherwise it goes again."""
    partial = path.with_name(f".{uuid.uuid4().hex[:12]}-{_short_hash(path.name)}{TEMPORARY_SUFFIX}")
    try:
        with partial.open("wb") as stream:
            fill(stream)
            stream.flush()
            os.fsync(stream.fileno())  # half a millisecond on an SSD, where making a picture takes a hundred
        yield partial
    finally:
        partial.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """Hash of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def remove_partial_files(folder: Path, name: str | None = None) -> None:
    """Clear away what killed runs were writing: all of it, or only what was to become the file of that name."""
    which = "*" if name is None else f"*-{_short_hash(name)}"
    for path in folder.glob(f".{which}{TEMPORARY_SUFFIX}"):
        path.unlink(missing_ok=True)


def _short_hash(name: str) -> str:
    """Stands for a name that may be too long to be lengthened."""
    return f"{zlib.crc32(name.encode()):08x}"


def png_bytes(image: np.ndarray) -> bytes:
    """A lossless picture: uint8, (H, W, 3) RGB or (H, W) grey."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG", compress_level=1)  # higher levels take longer than the detector
    return stream.getvalue()


def read_png(path: Path) -> np.ndarray:
    """A picture written by :func:`png_bytes`.

    Raises
    ------
    OSError
        When it is missing or damaged.
    """
    with Image.open(path) as picture:
        return np.array(picture)
