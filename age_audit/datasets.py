"""Which images there are, and what annotators wrote about them."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from age_audit.errors import UsageError
from age_audit.schema import AGE_RANGES, GENDERS, RACES, FaceLabel

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"})
CSV_COLUMNS = ("fname", "age", "gender", "race")
OLDEST = 130  # years; a larger number in a file name is a slip
EARLIEST_BIRTH = 1901  # IMDB-WIKI: earlier births come from broken time stamps

_IMDBWIKI = re.compile(r".+_(?P<birth>\d{4})-\d{1,2}-\d{1,2}_(?P<taken>\d{4})\.\w+")


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


class LabelSource:
    """Labels by file name.

    Parameters
    ----------
    source : str
        ``utkface`` or ``imdbwiki`` (both read the file name), or the path of a CSV with the columns fname, age, gender,
        race, any cell of which but fname may be empty.

    Raises
    ------
    UsageError
        For an unknown source or an unusable CSV.
    """

    def __init__(self, source: str):
        self._table = None
        if source in ("utkface", "imdbwiki"):
            self._parse = label_from_utkface_name if source == "utkface" else label_from_imdbwiki_name
        elif source.lower().endswith(".csv"):
            self._table = read_label_csv(Path(source))
        else:
            raise UsageError(f"expected --labels to be utkface, imdbwiki or a path ending in .csv, got {source!r}")

    def label(self, fname: str) -> FaceLabel:
        """The label of one image; one without labels where nothing is known."""
        if self._table is None:
            return self._parse(fname)
        return self._table.get(fname) or FaceLabel(fname, problem="not in the label file")


def label_from_utkface_name(fname: str) -> FaceLabel:
    """Read ``age_gender_race_datetime.jpg`` (or ``….jpg.chip.jpg``) field by field.

    What is missing or out of range stays ``None`` and is named. Real files break the pattern: in
    ``61_1_20170109142408075.jpg`` the race is missing, so the lone number stands where the gender does.
    """
    fields = fname.split(".")[0].split("_")[:-1]  # the last one is the date
    age = _age(fields[0]) if fields else None
    gender = _coded(GENDERS, fields[1:2])
    race = _coded(RACES, fields[2:3])
    lacking = [name for name, value in (("age", age), ("gender", gender), ("race", race)) if value is None]
    problem = f"file name gives no valid {' and '.join(lacking)}" if lacking else None
    return FaceLabel(fname, age, gender, race, problem)


def _coded(categories: tuple[str, ...], field: list[str]) -> str | None:
    """The category that a field's number stands for."""
    codes = {str(code): category for code, category in enumerate(categories)}
    return codes.get(field[0]) if field else None


def label_from_imdbwiki_name(fname: str) -> FaceLabel:
    """Read ``<id>_<yyyy-mm-dd birth>_<yyyy taken>.jpg``: age is the year taken minus the year of birth."""
    match = _IMDBWIKI.fullmatch(fname)
    if match is None:
        return FaceLabel(fname, problem="file name is not id_birth_taken")
    birth, taken = int(match["birth"]), int(match["taken"])
    if birth < EARLIEST_BIRTH:
        return FaceLabel(fname, problem=f"born before {EARLIEST_BIRTH}")
    if not 0 <= taken - birth <= OLDEST:
        return FaceLabel(fname, problem=f"age {taken - birth} is out of range")
    return FaceLabel(fname, float(taken - birth))


def _age(text: str) -> float | None:
    try:
        age = float(text)
    except ValueError:
        return None
    return age if 0 <= age <= OLDEST else None  # refuses "nan" and "inf" too


def read_label_csv(path: Path) -> dict[str, FaceLabel]:
    """Read labels from a CSV; empty cells become ``None``.

    Raises
    ------
    UsageError
        For a missing file or column, a path in fname, a name twice or an age that is no number.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            missing = [column for column in CSV_COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                raise UsageError(
                    f"expected {path} to have the columns {', '.join(CSV_COLUMNS)}; {', '.join(missing)} missing"
                )
            labels: dict[str, FaceLabel] = {}
            for row in reader:
                label = _label_from_row(path, reader.line_num, row)
                if label.fname in labels:
                    raise UsageError(
                        f"{path} line {reader.line_num}: expected each fname once, {label.fname!r} is there twice"
                    )
                labels[label.fname] = label
            return labels
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"expected a CSV of labels at {path}; reading it failed: {error}") from error


def _label_from_row(path: Path, line: int, row: dict[str, str | None]) -> FaceLabel:
    cells = {column: (row[column] or "").strip() or None for column in CSV_COLUMNS}
    where = f"{path} line {line}"
    fname = cells["fname"]
    if fname is None:
        raise UsageError(f"{where}: expected a file name in fname, found nothing")
    if "/" in fname or "\\" in fname:
        raise UsageError(f"{where}: expected fname without a folder, got {fname!r}; leave only the file's own name")
    age = None
    if cells["age"] is not None:
        age = _age(cells["age"])
        if age is None:
            raise UsageError(f"{where}: expected age to be a number from 0 to {OLDEST} or empty, got {cells['age']!r}")
    return FaceLabel(fname, age, cells["gender"], cells["race"])


def study_age_range(age: float | None) -> tuple[int, int] | None:
    """The study's age range that completed years fall into; ``None`` without an age or beyond 100."""
    if age is None:
        return None
    return next((bounds for bounds in AGE_RANGES if bounds[0] <= int(age) <= bounds[1]), None)


def draw_evenly(labels: dict[str, FaceLabel], count: int, seed: int) -> list[str]:
    """Draw images evenly over race x gender x age range.

    Every full cell gives one image in turn until enough are drawn; what small cells cannot give, the others do. Images
    that lack one of the three labels form a cell that is drawn from only when all others are empty.

    Parameters
    ----------
    labels : dict of str to FaceLabel
        By image.
    count : int
        How many to draw; all there are if fewer.
    seed : int

    Returns
    -------
    list of str
        Sorted; depends on the set of images and the seed, not on their order.
    """
    cells: dict[tuple, list[str]] = {}
    for image in sorted(labels):
        label = labels[image]
        key = (label.race, label.gender, study_age_range(label.age))
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
