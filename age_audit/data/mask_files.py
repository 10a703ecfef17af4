"""Masks of chosen faces, out of a folder of mask pictures or out of the packed store."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from age_audit.core.errors import UsageError
from age_audit.core.masks import pack_masks
from age_audit.core.schema import CANVAS
from age_audit.data.metadatasets import read_metadataset

BRIGHTEST_NEGATIVE = 200  # luminance (0-255); the study took for positive what is brighter
_STORE = re.compile(r"metadataset_(.+)_masks\.npz")
_PLACES = (Path(), Path("metadatasets"))  # where packed masks are looked for, from the current folder


class PackedMasks(NamedTuple):
    """``fnames`` of N faces and ``positive``, uint8 of shape (N, 6272), as ``pack_masks`` makes them."""

    fnames: list[str]
    positive: np.ndarray


def load_positive_masks(pictures: str | Path, fnames: Iterable[str]) -> PackedMasks:
    """Read where an explanation is positive, for each of the faces once.

    Pictures come first. Only if the folder has none of these faces, the packed store is read: that of the data set
    after which the folder above is called (``utkface`` for ``utkface/img-masks/``), else the only one there is, in
    the current folder or in ``metadatasets/`` there. A path that is itself a packed store is read and nothing else.

    Parameters
    ----------
    pictures : path
        Folder with ``<fname>``, as the study left them, or ``<fname>.png``, as stage 1 does: 224 x 224, positive where
        the luminance is above 200. Of the three grey levels of stage 1, only the lightest is. Or the path of a
        ``metadataset_<name>_masks.npz``.
    fnames : iterable of str
        Faces, some perhaps more than once; None and NaN are passed over.

    Returns
    -------
    PackedMasks
        In the order of their first mention; faces without a usable mask are left out, perhaps all.

    Raises
    ------
    UsageError
        If a file name has a path in it, or a packed store is damaged.

    Warns
    -----
    UserWarning
        Once, if masks are missing or unusable, with their number and the first of them.
    """
    wanted = list(dict.fromkeys(name for name in fnames if not pd.isna(name)))
    stray = next((name for name in wanted if not isinstance(name, str) or Path(name).name != name), None)
    if stray is not None:
        raise UsageError(f"expected every fname to be a plain file name, got {stray!r}; keep fname in retain_keys")
    found = _read_pictures(Path(pictures), wanted) or _read_store(Path(pictures), wanted)
    lost = [name for name in wanted if name not in found]
    if lost:
        warnings.warn(
            f"{len(lost)} of {len(wanted)} masks are missing or no pictures of {CANVAS} x {CANVAS} pixels, neither in "
            f"{pictures} nor packed in metadatasets: first {lost[0]}; these faces are left out of heatmaps",
            stacklevel=2,
        )
    there = [name for name in wanted if name in found]
    positive = np.array([found[name] for name in there], dtype=np.uint8)
    return PackedMasks(there, positive.reshape(len(there), CANVAS * CANVAS // 8))


def positive_pixels(picture: Image.Image) -> np.ndarray:
    """Where a mask picture, grey or in the study's colours, is brighter than 200: bool, shape (H, W)."""
    return np.asarray(picture.convert("L")) > BRIGHTEST_NEGATIVE


def _read_pictures(folder: Path, fnames: Sequence[str]) -> dict[str, np.ndarray]:
    """Packed masks by name, of those that the folder has."""
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    # Stage 1 calls the mask of a.jpg a.jpg.png, which may be a face of its own: a folder is of one kind.
    with_ending = sum(f"{name}.png" in there for name in fnames)
    ending = ".png" if with_ending and with_ending >= sum(name in there for name in fnames) else ""
    masks = {}
    for fname in fnames:
        name = f"{fname}{ending}"
        mask = _read_picture(folder / name) if name in there else None
        if mask is not None:
            masks[fname] = pack_masks(mask[None])[0]
    return masks


def _read_picture(path: Path) -> np.ndarray | None:
    """The positive pixels; None if this is no picture, a damaged one or one of another size."""
    try:
        with Image.open(path) as picture:
            return positive_pixels(picture) if picture.size == (CANVAS, CANVAS) else None
    except (OSError, ValueError, SyntaxError):  # what Pillow raises for damaged files
        return None


def _read_store(pictures: Path, fnames: Sequence[str]) -> dict[str, np.ndarray]:
    named = _STORE.fullmatch(pictures.name)
    place = (pictures.parent, named[1]) if named else _store(pictures.absolute().parent.name)
    if place is None:
        return {}
    arrays = read_metadataset(*place, "masks")
    rows = {name: row for row, name in enumerate(arrays["fname"].tolist())}
    return {name: arrays["positive"][rows[name]] for name in fnames if name in rows}


def _store(dataset: str) -> tuple[Path, str] | None:
    """Folder and data set of the packed masks to read: those of this data set, or the only ones."""
    stores = [(folder, path) for folder in _PLACES for path in sorted(folder.glob("metadataset_*_masks.npz"))]
    named = [(folder, path.stem.removeprefix("metadataset_").removesuffix("_masks")) for folder, path in stores]
    chosen = [place for place in named if place[1] == dataset] or (named if len(named) == 1 else [])
    return chosen[0] if chosen else None
