"""Which images there are, and which of them a sample takes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from age_audit.core.errors import UsageError
from age_audit.core.schema import AGE_RANGES, FaceLabel
from age_audit.core.vocabulary import STUDY_FEATURES

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"})


@dataclass(frozen=True)
class ImageFile:
    """One image of a run.

    Attributes
    ----------
    image : str
        Path below the folder of images, with forward slashes: what the ledger calls it.
    path : Path
        Where it lies.
    """

    image: str
    path: Path

    @property
    def fname(self) -> str:
        """File name, by which metadatasets call it."""
        return PurePosixPath(self.image).name


def list_images(folder: Path) -> list[ImageFile]:
    """Everything below a folder that carries an image's name, sorted, subfolders included.

    A folder, pipe or broken link with an image's name is listed too: the run says what is wrong with it. Links to
    folders are not followed.

    Raises
    ------
    UsageError
        When there is no such folder, nothing in it carries an image's name, or a part of it cannot be listed.
    """
    if not folder.is_dir():
        raise UsageError(f"expected a folder of images at {folder}, found none; choose it with --images")
    found = []
    for root, folders, files in os.walk(folder, onerror=_refuse_folder):
        named_like_images = [name for name in folders if Path(name).suffix.lower() in IMAGE_SUFFIXES]
        for name in named_like_images:
            folders.remove(name)
        candidates = [name for name in files if Path(name).suffix.lower() in IMAGE_SUFFIXES]
        for name in (*candidates, *named_like_images):
            path = Path(root, name)
            found.append(ImageFile(_printable(path.relative_to(folder).as_posix()), path))
    if not found:
        raise UsageError(f"expected images ({', '.join(sorted(IMAGE_SUFFIXES))}) in {folder}, found none")
    return sorted(found, key=lambda file: file.image)


def _refuse_folder(error: OSError) -> None:
    # What lies in there would be missing from every count.
    raise UsageError(
        f"expected to list the folder {error.filename}, but: {error.strerror}; allow reading it or move it elsewhere"
    ) from error


def count_other_files(folder: Path) -> int:
    """Files below a folder that :func:`list_images` does not take, because nothing in their name says image."""
    return sum(Path(name).suffix.lower() not in IMAGE_SUFFIXES for _, _, files in os.walk(folder) for name in files)


def _printable(name: str) -> str:
    """Names that are no text in UTF-8 get their odd bytes spelled out, so that they can be stored and written."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def duplicate_names(images: Iterable[ImageFile]) -> dict[str, str]:
    """Images whose file name another one before them has: {image: the one before}.

    Metadatasets know images by file name alone, so only the first can be in them.
    """
    first: dict[str, str] = {}
    again = {}
    for file in images:
        if file.fname in first:
            again[file.image] = first[file.fname]
        first.setdefault(file.fname, file.image)
    return again


def age_range_of_label(label: FaceLabel, ranges: Sequence[Sequence[int]] = AGE_RANGES) -> tuple[int, int] | None:
    """The age range that completed years fall into, or that holds all of a label's own range; ``None`` without one."""
    low, high = label.age_bounds or (label.age, label.age)
    if low is None:
        return None
    return next(((first, last) for first, last in ranges if first <= int(low) and int(high) <= last), None)


def draw_evenly(
    labels: dict[str, FaceLabel],
    count: int,
    seed: int,
    sensitive: Sequence[str] = STUDY_FEATURES,
    ranges: Sequence[Sequence[int]] = AGE_RANGES,
) -> list[str]:
    """Draw images evenly over the groups of sensitive features x age range.

    Every full cell gives one image in turn until enough are drawn; what small cells cannot give, the others do. Images
    that lack one of the labels form a cell that is drawn from only when all others are empty.

    Parameters
    ----------
    labels : dict of str to FaceLabel
        By image.
    count : int
        How many to draw; all there are if fewer.
    seed : int
    sensitive : sequence of str
        Features whose groups, crossed, are drawn from in turn.
    ranges : sequence of (low, high)
        In years, both included.

    Returns
    -------
    list of str
        Sorted; depends on the set of images and the seed, not on their order.
    """
    cells: dict[tuple, list[str]] = {}
    for image in sorted(labels):
        label = labels[image]
        key = (*(label.feature(name) for name in sensitive), age_range_of_label(label, ranges))
        cells.setdefault(("unlabelled",) if None in key else key, []).append(image)
    generator = np.random.default_rng(seed)
    shuffled = {key: generator.permutation(cells[key]).tolist() for key in sorted(cells, key=str)}
    unlabelled = shuffled.pop(("unlabelled",), [])
    # The cells' own order is drawn too, or a sample smaller than the number of cells would take the first by name.
    members = list(shuffled.values())
    in_turn = [members[place] for place in generator.permutation(len(members))]
    return sorted([*_take_in_turns(in_turn), *unlabelled][:count])


def _take_in_turns(cells: list[list[str]]) -> Iterator[str]:
    for turn in range(max(map(len, cells), default=0)):
        for cell in cells:
            if turn < len(cell):
                yield cell[turn]
