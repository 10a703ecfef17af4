"""Which faces are compared with which: groups out of columns, age ranges out of ages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice, product
from typing import TYPE_CHECKING

import numpy as np

from age_audit.core.errors import UsageError
from age_audit.core.paths import file_stem
from age_audit.core.schema import AGE_RANGES
from age_audit.core.vocabulary import STUDY_FEATURES, TABLE_PREFIXES, TABLE_SUFFIXES, TABLE_WORDS, UNLABELLED

if TYPE_CHECKING:  # else where it is used: every worker process needs groups, none needs frames
    import pandas as pd


def require_columns(frame: pd.DataFrame, columns: Iterable[str]) -> None:
    """Raise a UsageError that names the columns the frame lacks, if it lacks any.

    What takes a frame says which columns it needs, and begins with this.
    """
    _require(list(frame.columns), columns)


def _require(names: Collection[str], columns: Iterable[str]) -> None:
    columns = list(columns)
    missing = [column for column in columns if column not in names]
    if missing:
        present = ", ".join(map(str, islice(names, 12))) or "none at all"
        raise UsageError(f"missing column(s) {', '.join(missing)}; the columns present begin with: {present}")
    if twice := [column for column in columns if list(names).count(column) > 1]:
        raise UsageError(f"expected one column {twice[0]}, got several of that name; rename or drop the others")


def age_range_of(
    ages: Iterable[float], ranges: Sequence[Sequence[int]] = AGE_RANGES, highest: Iterable[float] | None = None
) -> pd.Categorical:
    """Sort ages into ranges that are inclusive at both ends.

    Ages are counted in completed years, as people do: 12.5 is 12 and belongs to 0–12, so no age falls between two
    ranges. Ages below the first range or above the last (UTKFace goes up to 116) belong to none, nor do missing ones.

    Parameters
    ----------
    ages : iterable of float, length N
        In years.
    ranges : sequence of (low, high)
        In years, not overlapping.
    highest : iterable of float, length N, optional
        Where ages are known only to lie between two: ``ages`` are the lowest, these the highest. Such an age belongs
        to the range that holds all of it, or to none.

    Returns
    -------
    Categorical
        Length N, ordered as the ranges are, labels such as ``"0–12"``, NaN where no range fits.
    """
    import pandas as pd

    years = np.floor(np.asarray(ages, dtype=float))
    last = years if highest is None else np.floor(np.asarray(highest, dtype=float))
    codes = np.full(years.shape, -1)
    for code, (low, high) in enumerate(ranges):
        codes[(years >= low) & (last <= high)] = code
    return pd.Categorical.from_codes(codes, [f"{low}–{high}" for low, high in ranges], ordered=True)


# Files and tables of the study call these two by other names than people and tables of labels do.
_COLUMNS = {"gender": "gender_real", "race": "race_real"}


def feature_column(name: str) -> str:
    """The column that holds a sensitive feature: ``race_real`` for ``race``, others under their own name."""
    return _COLUMNS.get(name, name)


def feature_title(column: str) -> str:
    """What figures and file names call a sensitive feature: ``race`` for ``race_real``, others as they are."""
    return next((name for name, other in _COLUMNS.items() if other == column), column)


LONGEST_NAME = 60  # characters of a feature's name, which file names and titles carry


def check_features(names: Sequence[str]) -> tuple[str, ...]:
    """The sensitive features, each once.

    Raises
    ------
    UsageError
        If one is called like a column of the tables, like another one but for case and punctuation, or by a name that
        no file can carry.
    """
    seen: dict[str, str] = {}
    for name in dict.fromkeys(names):
        taken = name in TABLE_WORDS or name.startswith(TABLE_PREFIXES) or name.endswith(TABLE_SUFFIXES)
        stem = file_stem(name).casefold()
        if taken or stem in seen or "," in name or not 0 < len(name) <= LONGEST_NAME:
            why = "tables have a column of that name" if taken else f"at most {LONGEST_NAME} characters without a comma"
            why = f"its files would be those of {seen[stem]!r}" if stem in seen else why
            raise UsageError(f"expected another name of the sensitive feature {name!r}: {why}; rename it in the labels")
        refuse_turned("no sensitive feature", name)
        seen[stem] = name
    return tuple(seen.values())


LONGEST_GROUP = 45  # characters: tables and figures have no room for more; the longest race of the US census has 41
# What readers of tables (pandas, R) take for a missing value, and our files for no label.
_NO_GROUP = frozenset({"NA", "N/A", "n/a", "<NA>", "NaN", "nan", "NULL", "null", "None", UNLABELLED})


def check_groups(feature: str, groups: Iterable[str | None]) -> None:
    """Refuse groups of a feature that tables or readers would confuse.

    Raises
    ------
    UsageError
        For one called as tables call every face or a missing label, one of more than 45 characters, one that legends
        leave out, one that turns around what follows it, or two that differ in capitals, spaces, kinds of dashes, what
        nobody sees and forms of Unicode alone.

    Examples
    --------
    >>> check_groups("gender", ["Female", "Male"])
    >>> check_groups("gender", ["Female", "Male", "male "])
    Traceback (most recent call last):
    ...
    age_audit.core.errors.UsageError: expected one spelling of each group of gender, got 'Male' and 'male '; ...
    """
    seen: dict[str, str] = {}
    for group in sorted(group for group in groups if group is not None):
        plain = _plain(group)
        if plain == ALL:
            raise UsageError(
                f"expected no group of {feature} called {group!r}, as tables call every face; rename it in the labels"
            )
        if group in _NO_GROUP:
            raise UsageError(
                f"expected no group of {feature} called {group!r}, which readers of tables take for a missing label; "
                "rename it in the labels, or leave the cell empty where nothing is known"
            )
        if len(group) > LONGEST_GROUP:
            raise UsageError(
                f"expected names of groups of {feature} with at most {LONGEST_GROUP} characters, for which tables and "
                f"figures have room, got {group!r:.100}; shorten it in the labels"
            )
        if group.startswith("_"):
            raise UsageError(
                f"expected no group of {feature} that begins with an underscore, for legends leave it out, got "
                f"{group!r}; rename it in the labels"
            )
        refuse_turned(f"no group of {feature}", group)
        other = seen.setdefault(plain, group)
        if other != group:
            raise UsageError(
                f"expected one spelling of each group of {feature}, got {other!a} and {group!a}; write them alike in "
                "the labels"
            )


def refuse_turned(what: str, name: str) -> None:
    """Refuse a name with marks that turn the words and numbers after it around: 34 would read 43.

    Raises
    ------
    UsageError
        If there is one of Unicode's overrides, embeddings or isolates of direction. Names in scripts that are written
        from right to left need none.

    Examples
    --------
    >>> refuse_turned("no group of race", "\u05d0\u05d1")
    >>> refuse_turned("no group of race", "A\u202e")
    Traceback (most recent call last):
    ...
    age_audit.core.errors.UsageError: expected no group of race with marks of direction, ... got 'A\u202e'; ...
    """
    if any(unicodedata.bidirectional(letter) in _TURNING for letter in name):
        raise UsageError(
            f"expected {what} with marks of direction, which turn around the numbers after it, got {name!a}; "
            "take them out of the name"
        )


_TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def _plain(group: str) -> str:
    """What readers see of a name: marks of no width, capitals, spaces and kinds of dashes tell no groups apart, nor
    does ``1.0``, which pandas makes of 1 in a column that has gaps.
    """
    if re.fullmatch(r"\d+\.0+", group):
        group = group.partition(".")[0]
    kinds = ((letter, unicodedata.category(letter)) for letter in unicodedata.normalize("NFKC", group).casefold())
    return " ".join("".join("-" if kind == "Pd" else letter for letter, kind in kinds if kind != "Cf").split())


BOUNDS = ("age_real_low", "age_real_high")  # columns of labels that are a range of ages


def real_ages(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest real age of each face, in years: the same, but where only a range of ages is known.

    Parameters
    ----------
    frame : DataFrame
        N rows with ``age_real``, and ``age_real_low`` and ``age_real_high`` where any label is a range.

    Returns
    -------
    lowest, highest : ndarray of float, shape (N,)
        NaN where nothing is known.
    """
    age = frame["age_real"].to_numpy(dtype=float)
    if not set(BOUNDS) <= set(frame.columns):
        return age, age
    return tuple(np.where(np.isnan(age), frame[bound].to_numpy(dtype=float), age) for bound in BOUNDS)


def compared_by(frame: pd.DataFrame, sensitive: Sequence[str] | None = None) -> list[str]:
    """The columns of the sensitive features: those named, or race and gender as far as any face has them.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"race_real": [None, None], "gender_real": ["Female", None], "skin_tone": ["I", "II"]})
    >>> compared_by(frame), compared_by(frame, ["race", "skin_tone"])
    (['gender_real'], ['race_real', 'skin_tone'])
    """
    if sensitive is not None:
        return [feature_column(name) for name in check_features(sensitive)]
    columns = map(feature_column, STUDY_FEATURES)
    return [column for column in columns if column in frame and frame[column].notna().any()]


def in_order(groups: Iterable[str], published: Sequence[str] = ()) -> list[str]:
    """Groups as tables and figures name them: the published ones in their order, then others by number or by name.

    Where every group is one of the published, all of those are listed, for that a group has no faces is a finding;
    groups of another scheme stand alone.
    """
    present = set(groups)
    if present <= set(published):
        return list(published)
    return [name for name in published if name in present] + sorted(present - set(published), key=_by_number)


def _by_number(name: str) -> list:
    """Sort 2 before 10, numbers before words: the parts are words, if only empty ones, and numbers by turns."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", str(name))]


ALL = "all"  # the level that stands for every face, whatever its group


def groups_of(
    frame: pd.DataFrame, features: Sequence[str], with_all: Collection[str] = ()
) -> Iterator[tuple[dict[str, str], np.ndarray]]:
    """Walk through every combination of the features' levels.

    Parameters
    ----------
    frame : DataFrame
        With the columns named by ``features``.
    features : sequence of str
        The last one changes fastest. Without any there is one group, of every face.
    with_all : collection of str
        Those of the features whose levels are followed by ``"all"``, which also counts faces that no level fits.

    Yields
    ------
    labels : dict of str to level
        One level a feature.
    inside : ndarray of bool, shape (N,)
        The faces of the group; may be none.
    """
    choices_of = [_members(frame[name]) for name in features]
    every = np.ones(len(frame), dtype=bool)
    for name, choices in zip(features, choices_of, strict=True):
        if name in with_all:
            choices.append((ALL, every))  # told apart by its place: a group may itself be called "all"
    for combination in product(*choices_of):
        inside = every.copy()
        for _, members in combination:
            inside &= members
        yield {name: level for name, (level, _) in zip(features, combination, strict=True)}, inside


def _members(column: pd.Series) -> list[tuple[str, np.ndarray]]:
    """Every level with who has it, by numbers of levels, which are compared sooner than levels."""
    import pandas as pd

    numbers, found = pd.factorize(column)
    place = {level: number for number, level in enumerate(found)}
    return [(level, numbers == place.get(level, len(place))) for level in levels(column)]


def feature_names(features: str | Sequence[str]) -> list[str]:
    """One name or several, as a list."""
    return [features] if isinstance(features, str) else list(features)


def levels(column: pd.Series) -> list:
    """The groups of a column, in the order in which they are named."""
    if column.dtype == "category":
        return list(column.cat.categories)
    return in_order(column.dropna().unique())


def cluster_codes(frame: pd.DataFrame, clusters: str | None) -> np.ndarray:
    """A number for each cluster of faces, shape (N,); a face without one has its own.

    Examples
    --------
    >>> import pandas as pd
    >>> cluster_codes(pd.DataFrame({"cluster": [7, None, 7, None]}), "cluster").tolist()
    [0, 2, 0, 4]
    """
    import pandas as pd

    alone = np.arange(len(frame))
    if clusters is None:
        return alone
    codes, _ = pd.factorize(frame[clusters])
    return np.where(codes < 0, alone + codes.max(initial=0) + 1, codes)
