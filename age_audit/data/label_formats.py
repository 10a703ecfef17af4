"""What annotators wrote about the images, in the formats in which data sets say it."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from age_audit.core.errors import UsageError
from age_audit.core.schema import GENDERS, RACES, FaceLabel

CSV_COLUMNS = ("fname", "age", "gender", "race")
OLDEST = 130  # years; a larger number in a file name is a slip
EARLIEST_BIRTH = 1901  # IMDB-WIKI: earlier births come from broken time stamps
_IMDBWIKI = re.compile(r".+_(?P<birth>\d{4})-\d{1,2}-\d{1,2}_(?P<taken>\d{4})\.\w+")


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
