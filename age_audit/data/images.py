"""Which images there are, and which of them a sample takes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from age_audit.core.errors import UsageError
from age_audit.core.schema import AGE_RANGES, FaceLabel
from age_audit.core.vocabulary import STUDY_FEATURES

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"})
# Photos all the same, though nothing here decodes them: they fail with a reason instead of being passed over.
UNREAD_SUFFIXES = frozenset({".heic", ".heif", ".avif", ".jxl", ".jp2"})


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
    folders are followed, and a folder that is reached in several ways is listed once. What is hidden (``._x.jpg``) or
    in ``__MACOSX``, as archives made on a Mac leave it, holds no pictures.

    Raises
    ------
    UsageError
        When there is no such folder, nothing in it carries an image's name, or a part of it cannot be listed.
    """
    if not folder.is_dir():
        raise UsageError(f"expected a folder of images at {folder}, found none; choose it with --images")
    named = [path for path in _everything_in(folder) if _is_image_name(path, folder)]
    found = [ImageFile(_printable(path.relative_to(folder).as_posix()), path) for path in named]
    if not found:
        raise UsageError(f"expected images ({', '.join(sorted(IMAGE_SUFFIXES))}) in {folder}, found none")
    return sorted(found, key=lambda file: file.image)


def _everything_in(folder: Path) -> Iterator[Path]:
    """All files below a folder, and folders that carry an image's name: into those nobody looks.

    A link to a folder that this one lies in is not followed: it would bring in what is beside it.
    """
    todo, seen = [folder], set()
    while todo:  # folders first, then what links lead to
        links = []
        for root, folders, files in os.walk(todo.pop(0), onerror=_refuse_folder):
            real = os.path.realpath(root)
            if real in seen:
                folders.clear()
                continue
            seen.add(real)
            yield from (Path(root, name) for name in files)
            for name in sorted(folders):
                path = Path(root, name)
                if _has_image_suffix(path):
                    folders.remove(name)
                    yield path
                elif path.is_symlink() and path.resolve() not in folder.resolve().parents:
                    links.append(path)
        todo += links


def _has_image_suffix(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES | UNREAD_SUFFIXES


def _is_image_name(path: Path, folder: Path) -> bool:
    """Whether a file says that it is an image, and nothing says that it is hidden."""
    parts = path.relative_to(folder).parts
    return _has_image_suffix(path) and not any(part.startswith(".") or part == "__MACOSX" for part in parts)


def _refuse_folder(error: OSError) -> None:
    # What lies in there would be missing from every count.
    raise UsageError(
        f"expected to list the folder {error.filename}, but: {error.strerror}; allow reading it or move it elsewhere"
    ) from error


def count_other_files(folder: Path) -> int:
    """Files below a folder that :func:`list_images` does not take: hidden, or nothing in their name says image."""
    return sum(not _is_image_name(path, folder) for path in _everything_in(folder))


def _printable(name: str) -> str:
    """Names that are no text in UTF-8 get their odd bytes spelled out, so that they can be stored and written."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def duplicate_names(images: Iterable[ImageFile], works: Callable[[ImageFile], bool]) -> dict[str, str]:
    """Images whose file name another one has: {image: the one that counts}.

    Metadatasets know images by file name alone, so only one can be in them: the first that works. None is a duplicate
    of one that does not; of names that are there once nobody is asked.
    """
    by_name: dict[str, list[ImageFile]] = {}
    for file in images:
        by_name.setdefault(file.fname, []).append(file)
    again = {}
    for files in by_name.values():
        if len(files) > 1:
            first, *others = [file.image for file in files if works(file)] or [None]
            again |= dict.fromkeys(others, first)
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
