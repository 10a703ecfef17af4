"""What annotators wrote about the images, in the formats in which data sets say it.

A file name is read only where the whole of it fits the format, for many names begin with a number that is no age.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
import shlex
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath

from age_audit.core.errors import UsageError
from age_audit.core.groups import check_features, check_groups
from age_audit.core.schema import GENDERS, UTKFACE_RACES, FaceLabel
from age_audit.core.vocabulary import STUDY_FEATURES

OLDEST = 130  # years; a larger number in a file name is a slip
PHOTO_TAKEN = (7, 1)  # IMDB-WIKI: month and day, in the year that a name gives, by the rule of the data set's page
# Codes have one digit; without the race, which a few files lack, only a time as long as UTKFace's tells the format.
_UTKFACE = re.compile(r"([^_]*)_(-?\d?)_(?:(-?\d?)_[^_]*|\d{14,}[^_]*)")
_IMDBWIKI = re.compile(r".+_(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})_(?P<taken>\d{4})\.\w+")
_AGEDB = re.compile(r"\d+_.+_(?P<age>\d{1,3})_(?P<gender>[fm])\.\w+")
_MORPH = re.compile(r"\d+_\d+(?P<gender>[FM])(?P<age>\d{1,3})\.\w+")
_YEARS = re.compile(r"\d+\.?\d*|\.\d+")
_RANGE = re.compile(r"(\d{1,3})\s*[-–]\s*(\d{1,3})")
_OPEN_RANGE = re.compile(r"(?:more than\s*(\d{1,3})|(\d{1,3})\s*\+)", re.IGNORECASE)
_NAMELESS = "'' (if pandas wrote its index there, save with index=False)"
TABLE_ENDINGS = (".csv", ".tsv", ".txt")  # the last is what spreadsheets write as Unicode text
NAME_COLUMNS = ("fname", "file", "file_name")  # of a CSV: ours, FairFace's, APPA-REAL's
_CROPPED = "_face.jpg"  # what APPA-REAL adds to a photo's name for its crop, which lies beside it
AGE_COLUMNS = ("age", "real_age")
# Of a CSV's further columns none may carry the name of what is stored beside it.
_RESERVED = re.compile(r"age_.*|activation_.*|(?:gender|race)_real|face|outer_boundary_.*|(?:signed|absolute)_error")


class LabelSource:
    """Labels by file name.

    Parameters
    ----------
    source : str
        How the file names say it (:data:`NAME_FORMATS`), or the path of a CSV: see :func:`read_label_csv`.

    Attributes
    ----------
    origin : dict
        Where labels come from, for the provenance: the format of file names, or name and hash of the CSV.
    columns : tuple of str
        Of a CSV the features beside age, gender and race; of file names none.
    unmatched : dict of str to int
        Once the images are known, how many of them the source says nothing of, and how many rows of a CSV name none.

    Raises
    ------
    UsageError
        For an unknown source or an unusable CSV.
    """

    def __init__(self, source: str):
        self._source, self._table = source, None
        self.columns: tuple[str, ...] = ()
        self.origin = {"from": f"file names, {source}"}
        if source in NAME_FORMATS:
            self._parse = NAME_FORMATS[source]
        elif source.lower().endswith(TABLE_ENDINGS):
            self._table = read_label_csv(Path(source))
            self.columns = tuple(next(iter(self._table.values())).features)
            self.origin = {"from": Path(source).name, "sha256": hashlib.sha256(Path(source).read_bytes()).hexdigest()}
            self._depths = sorted({name.count("/") + 1 for name in self._table}, reverse=True)
        else:
            raise UsageError(
                f"expected --labels to be {', '.join(NAME_FORMATS)} or a path ending in "
                f"{' or '.join([', '.join(TABLE_ENDINGS[:-1]), TABLE_ENDINGS[-1]])}, got {source!r}"
            )

    def label(self, image: str | Path) -> FaceLabel:
        """The label of one image, by its path or file name; one without labels where nothing is known.

        Where a CSV names folders, they are those that the image lies in: FairFace has a train/1.jpg and a val/1.jpg.
        """
        path = PurePosixPath(image)
        if self._table is None:
            return self._parse(path.name)
        name = self._name_in_table(path)
        if name is None:
            return FaceLabel(path.name, problem="not in the label file")
        return replace(self._table[name], fname=path.name)

    def _name_in_table(self, path: PurePosixPath) -> str | None:
        for name in (path, path.with_name(path.name.removesuffix(_CROPPED))):
            parts = unicodedata.normalize("NFC", str(name)).split("/")
            for depth in self._depths:
                if (known := "/".join(parts[-depth:])) in self._table:
                    return known
        return None

    def labels(self, images: Iterable[str]) -> dict[str, FaceLabel]:
        """The labels of all images of a run, by what was given: their paths, or file names.

        Raises
        ------
        UsageError
            When the images are not what the labels are of: more names fit another format, which is named with all
            counts, or none is in the CSV; or when two names of images, as of photos and their crops, are of one row.
        """
        found = {image: self.label(image) for image in images}
        fit = sum(map(_fits, found.values()))
        self.unmatched = {"images_without_label": len(found) - fit}
        if self._table is not None:
            named = {self._name_in_table(PurePosixPath(image)) for image in found}
            self.unmatched["rows_without_image"] = len(self._table.keys() - named)
            self._refuse_twins(found)
        if self._table is None:
            names = [label.fname for label in found.values()]
            counts = {form: sum(_fits(parse(name)) for name in names) for form, parse in NAME_FORMATS.items()}
            if max(counts.values()) > fit:
                told = ", ".join(f"{name} {count:,}" for name, count in counts.items())
                raise UsageError(
                    f"expected file names in the format {self._source}, but only {fit:,} of {len(found):,} fit, not "
                    f"{next(label.fname for label in found.values() if not _fits(label))!r}; of each format: {told}; "
                    "choose another --labels, or give a CSV"
                )
        if self._table is not None and not fit:
            raise UsageError(
                f"expected {self._source} to name images of this folder, but of its {len(self._table):,} rows, such as "
                f"{next(iter(self._table), 'none')!r}, none names one of the {len(found):,} images, such as "
                f"{next(iter(found), 'none')!r}"
            )
        return found

    def _refuse_twins(self, images: Iterable[str]) -> None:
        """Refuse images of other names than one another that have one row: their person would count twice."""
        named: dict[str, str] = {}
        twice = []
        for image in images:
            fname, row = PurePosixPath(image).name, self._name_in_table(PurePosixPath(image))
            if row is not None and named.setdefault(row, fname) != fname:
                twice.append((named[row], fname))
        if twice:
            raise UsageError(
                f"expected each person once, but {len(twice):,} rows of {self._source} name two images, such as "
                f"{twice[0][0]!a} and {twice[0][1]!a}; move one kind to a folder of its own"
            )

    def report(self, labels: Mapping[str, FaceLabel]) -> str:
        """What is to be told of the labels of all images: those that lack one, by reason, and rows without image."""
        problems = Counter(label.problem for label in labels.values() if label.problem)
        told = [f"{count:,} of {len(labels):,} images: {problem}" for problem, count in problems.most_common()]
        bounds = sum(label.age_bounds is not None for label in labels.values())
        if bounds:
            told.append(f"{bounds:,} ages are ranges: an error counts from their nearer end, 0 inside")
        if stray := self.unmatched.get("rows_without_image"):
            told.append(f"{stray:,} of {len(self._table):,} rows of the CSV name no image")
        return "\n".join(f"labels: {line}" for line in told)


def sensitive_features(labels: Iterable[FaceLabel], asked: Sequence[str] | None = None) -> tuple[str, ...]:
    """The features to compare groups by: those asked for, or race and gender as far as any image has them.

    Raises
    ------
    UsageError
        If no image has a value of what was asked for (it names what there is), or a group is spelt in two ways.
    """
    there: dict[str, set[str]] = {}
    for label in labels:
        for name, value in _features(label):
            if value is not None:
                there.setdefault(name, set()).add(value)
    chosen = tuple(name for name in STUDY_FEATURES if name in there) if asked is None else check_features(asked)
    if unknown := [name for name in chosen if name not in there]:
        commas = [repr(name) for name in sorted(there) if "," in name]
        rename = f"; rename {' and '.join(commas)}, no comma can be asked for" if commas else ""
        raise UsageError(
            f"expected --sensitive to name columns with labels of these images, {', '.join(sorted(there)) or 'none'}; "
            f"got {', '.join(unknown)}{rename}"
        )
    for name in sorted(there.keys() & {*chosen, *STUDY_FEATURES}):  # race and gender are groups in every frame
        check_groups(name, there[name])
    return chosen


def hint_of_groups(labels: Iterable[FaceLabel]) -> str:
    """What to say where groups are compared by nothing: columns that could be groups, for faces share their values.

    Examples
    --------
    >>> tones = [FaceLabel(f"{i}.jpg", 30, features={"tone": "light" if i < 2 else "dark"}) for i in range(3)]
    >>> hint_of_groups(tones)
    'no groups are compared; the labels have tone: compare by --sensitive tone'
    >>> hint_of_groups(tones[:2])
    ''
    """
    values: dict[str, Counter[str]] = {}
    for label in labels:
        for name, value in label.features.items():
            if value is not None:
                values.setdefault(name, Counter())[value] += 1
    names = []
    for name, counts in values.items():
        with suppress(UsageError):  # one that nobody can ask for
            if 1 < len(counts) < counts.total():
                names += check_features([name])
    if not names:
        return ""
    asked = shlex.quote(",".join(names))
    return f"no groups are compared; the labels have {', '.join(names)}: compare by --sensitive {asked}"


def _features(label: FaceLabel) -> Iterable[tuple[str, str | None]]:
    return {name: label.feature(name) for name in (*STUDY_FEATURES, *label.features)}.items()


def _fits(label: FaceLabel) -> bool:
    """Whether a format recognised the name, or a table knows it."""
    return label.problem not in (_MISFIT, "not in the label file")


_MISFIT = "the file name is not of this format"


def label_from_utkface_name(fname: str) -> FaceLabel:
    """Read ``age_gender_race_datetime.jpg`` (or ``….jpg.chip.jpg``) field by field.

    What is missing or out of range stays ``None`` and is named. Real files break the pattern: in
    ``61_1_20170109142408075.jpg`` the race is missing, so the lone number stands where the gender does.
    """
    match = _UTKFACE.fullmatch(fname.split(".")[0])
    if match is None:
        return FaceLabel(fname, problem=_MISFIT)
    age, gender, race = _age(match[1]), _coded(GENDERS, match[2]), _coded(UTKFACE_RACES, match[3])
    lacking = [name for name, value in (("age", age), ("gender", gender), ("race", race)) if value is None]
    problem = f"file name gives no valid {' and '.join(lacking)}" if lacking else None
    return FaceLabel(fname, age, gender, race, problem)


def _coded(categories: tuple[str, ...], field: str | None) -> str | None:
    """The category that a field's number stands for."""
    return {str(code): category for code, category in enumerate(categories)}.get(field)


def label_from_imdbwiki_name(fname: str) -> FaceLabel:
    """Read ``<id>_<yyyy-mm-dd birth>_<yyyy taken>.jpg``: completed years in the middle of the year taken.

    That is the rule of the data set's page (Rothe et al. 2018). A month or day of 0, which is unknown, counts as the
    start of the year.
    """
    match = _IMDBWIKI.fullmatch(fname)
    if match is None:
        return FaceLabel(fname, problem=_MISFIT)
    birthday = int(match["month"]), int(match["day"])
    if birthday > (12, 31):
        return FaceLabel(fname, problem="the date of birth is none")
    age = int(match["taken"]) - int(match["year"]) - (birthday > PHOTO_TAKEN)
    if not 0 <= age <= OLDEST:
        return FaceLabel(fname, problem=f"age {age} is out of range")
    return FaceLabel(fname, float(age))


def label_from_agedb_name(fname: str) -> FaceLabel:
    """Read ``<id>_<name>_<age>_<f or m>.jpg``, as AgeDB (Moschoglou et al. 2017) names its files."""
    return _age_and_gender(fname, _AGEDB)


def label_from_morph_name(fname: str) -> FaceLabel:
    """Read ``<id>_<n><F or M><age>.JPG``, as MORPH (Ricanek & Tesafaye 2006) names its files."""
    return _age_and_gender(fname, _MORPH)


def _age_and_gender(fname: str, pattern: re.Pattern) -> FaceLabel:
    match = pattern.fullmatch(fname)
    if match is None:
        return FaceLabel(fname, problem=_MISFIT)
    age, gender = _age(match["age"]), "Female" if match["gender"].lower() == "f" else "Male"
    return FaceLabel(fname, age, gender, problem=None if age is not None else f"age {match['age']} is out of range")


NAME_FORMATS: dict[str, Callable[[str], FaceLabel]] = {
    "utkface": label_from_utkface_name,
    "imdbwiki": label_from_imdbwiki_name,
    "agedb": label_from_agedb_name,
    "morph": label_from_morph_name,
}


def _age(text: str) -> float | None:
    """Years written in digits; Python would take "1_0" and "1e1" for 10."""
    return float(text) if _YEARS.fullmatch(text) and float(text) <= OLDEST else None


def read_label_csv(path: Path) -> dict[str, FaceLabel]:
    """Read labels from a CSV; empty cells become ``None``.

    The file name is in ``fname``, in ``file`` (FairFace, with the folder it lies in) or in ``file_name``
    (APPA-REAL); the age in ``age`` or ``real_age``, in years or as a range such as ``20-29`` or ``more than 70``, which
    stays a range; ``gender`` and ``race`` where they are there. Every other column is a feature under its own name.

    Parameters
    ----------
    path : Path
        Text in UTF-8, or in UTF-16 with its mark; cells between commas, semicolons or tabs.

    Returns
    -------
    dict of str to FaceLabel
        By file name, with its folders where it has any, in Unicode's composed form (NFC).

    Raises
    ------
    UsageError
        For a missing file or column, a column twice, a row of another length than the header, a name twice or an age
        that is none.
    """
    try:
        return _labels_from_text(path, _text_of(path, path.read_bytes()))
    except OSError as error:
        raise UsageError(
            f"expected a CSV of labels at {path}, but: {error.strerror or error}; name another by --labels"
        ) from error
    except csv.Error as error:
        raise UsageError(f"expected a CSV of labels at {path}; reading it failed: {error}") from error


def _text_of(path: Path, content: bytes) -> str:
    """The text of a file that says, by its mark or by fitting, how it is encoded. Of others any letter may be another
    one: what Windows writes in Europe reads as well in Russia, but names other people.
    """
    advice = "save it as UTF-8 (spreadsheets call that CSV UTF-8)"
    marked = content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    try:
        text = content.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        byte, line = content[error.start], content.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"expected {path} in UTF-8, or in UTF-16 with its mark; line {line} has the byte 0x{byte:02x}, as other "
            f"encodings or other kinds of files have it; {advice}"
        ) from error
    if "\0" in text:
        raise UsageError(f"expected {path} in UTF-8, or in UTF-16 with its mark, but every letter has a zero; {advice}")
    return text


def _labels_from_text(path: Path, text: str) -> dict[str, FaceLabel]:
    separator = next((sign for sign in ",;\t" if _names_files(text, sign)), ",")
    lines = io.StringIO(text, newline=None)
    header = [name.strip() for name in _cells(f"{path} line 1", next(lines, ""), separator)]
    unnamed = header[-1:] == [""]  # as spreadsheets leave one behind
    header = _known_columns(path, header[:-1] if unnamed else header)
    labels: dict[str, FaceLabel] = {}
    for number, line in enumerate(lines, 2):
        where = f"{path} line {number}"
        cells = _cells(where, line, separator)
        if not cells:  # an empty line
            continue
        if unnamed and not cells[-1].strip():
            cells = cells[:-1]
        if len(cells) != len(header):
            raise UsageError(
                f"{where}: expected {len(header)} cells as in the header, got {len(cells)}: {', '.join(cells):.80}"
            )
        label = _label_from_row(where, {name: cell.strip() or None for name, cell in zip(header, cells, strict=True)})
        name = unicodedata.normalize("NFC", label.fname)
        if name in labels:
            raise UsageError(f"{where}: expected each file name once, {label.fname!r} is there twice")
        labels[name] = label
    if not labels:
        raise UsageError(f"expected a row an image in {path}, found its header alone")
    return labels


def _names_files(text: str, separator: str) -> bool:
    """Whether the header, parted by that separator, has a column for the file name."""
    header = next(csv.reader(io.StringIO(text, newline=None), delimiter=separator), [])
    return any(name.strip().lower() in NAME_COLUMNS for name in header)


def _cells(where: str, line: str, separator: str) -> list[str]:
    """The cells of one line. None goes on in the next one, or a quote left open would swallow the rows below it."""
    try:
        return next(csv.reader([line], delimiter=separator, strict=True), [])
    except csv.Error as error:
        raise UsageError(
            f"{where}: expected quotes only around whole cells of this line, got {line.strip():.80}"
        ) from error


def _known_columns(path: Path, header: list[str]) -> list[str]:
    """The header with the names of the known columns as they are written here, whatever their case."""
    known = (*NAME_COLUMNS, *AGE_COLUMNS, "gender", "race")
    names = [name.lower() if name.lower() in known else name for name in header]
    for what, choices in (("file name", NAME_COLUMNS), ("age", AGE_COLUMNS)):
        if sum(names.count(choice) for choice in choices) != 1:
            raise UsageError(
                f"expected {path} to have one column for the {what}, {' or '.join(choices)}; its header is "
                f"{', '.join(header) or 'empty'}"
            )
    twice = [name for name, count in Counter(names).items() if count > 1 or not name]
    stored = [name for name in names if name not in known and _RESERVED.fullmatch(name)]
    if twice or stored:
        raise UsageError(
            f"expected columns of {path} to have a name each, that no result is stored under; rename "
            f"{', '.join(repr(name) if name else _NAMELESS for name in twice + stored)}"
        )
    return names


def _label_from_row(where: str, cells: dict[str, str | None]) -> FaceLabel:
    name_column = next(name for name in NAME_COLUMNS if name in cells)
    age_column = next(name for name in AGE_COLUMNS if name in cells)
    fname, age = cells.pop(name_column), cells.pop(age_column)
    if fname is None:
        raise UsageError(f"{where}: expected a file name in {name_column}, found nothing")
    if name_column == "fname" and ("/" in fname or "\\" in fname):
        raise UsageError(f"{where}: expected fname without a folder, got {fname!r}; leave only the file's own name")
    bounds = None if age is None else _bounds(age)
    years = None if age is None or bounds else _age(age)
    if age is not None and years is None and bounds is None:
        raise UsageError(
            f"{where}: expected {age_column} to be a number from 0 to {OLDEST}, decimals after a point, a range such "
            f"as 20-29 or empty, got {age!r}"
        )
    return FaceLabel(fname, years, cells.pop("gender", None), cells.pop("race", None), None, bounds, cells)


def _bounds(text: str) -> tuple[float, float] | None:
    """Lowest and highest age of a range; ``more than 70`` ends where people do."""
    if match := _RANGE.fullmatch(text):
        low, high = float(match[1]), float(match[2])
        return (low, high) if low <= high <= OLDEST else None
    match = _OPEN_RANGE.fullmatch(text)
    return (float(match[1] or match[2]), float(OLDEST)) if match else None
