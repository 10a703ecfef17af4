"""Arrays as bytes, and files that appear whole or not at all."""

from __future__ import annotations

import io
import os
import uuid
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

TEMPORARY_SUFFIX = ".partial"


def pack_arrays(**arrays: np.ndarray) -> bytes:
    """Named arrays as one compressed NPZ file; the same arrays give the same bytes."""
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


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
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, TypeError, OSError) as error:
        raise ValueError(f"not a whole NPZ file: {error}") from error


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under another name and rename it when it is whole, also on the disk: after a power cut too, the file
    is whole, or the old one, or not there.
    """
    partial = path.with_name(f".{uuid.uuid4().hex[:12]}-{_short_hash(path.name)}{TEMPORARY_SUFFIX}")
    try:
        with partial.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())  # half a millisecond on an SSD, where making a picture takes a hundred
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


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
