"""The classes that a classifier tells apart: named groups of ages, in order."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from age_audit.core.errors import UsageError

# Those of the published classifier.
TEN_GROUPS = (
    *("Baby 0-1", "Toddler 2-3", "Child 4-8", "Adolescent 9-13", "Teenager 14-18", "Young Adult 19-24"),
    *("Adult 25-34", "Mature Adult 35-44", "Middle Age 45-58", "Senior 59-"),
)
LAST_YEAR = 100  # of the classes of single years, which holds whoever is older too
_GROUP = re.compile(r"(?:(?P<name>\S.*?)\s+)?(?P<low>\d{1,3})\s*[-–](?:\s*(?P<high>\d{1,3}))?")
_OPEN_WIDTH = 20  # years that a group without an upper end counts for where no face says what is in it


@dataclass(frozen=True)
class AgeGroups:
    """Groups of ages in completed years, in ascending order, none overlapping another.

    Attributes
    ----------
    names : tuple of str
    bounds : tuple of (int, float)
        Lowest and highest age of each, both included; the last may be infinite.

    Examples
    --------
    >>> groups = parse_groups(TEN_GROUPS)
    >>> [groups.names[code] for code in groups.of([1.9, 2, 34, 116])]
    ['Baby', 'Toddler', 'Adult', 'Senior']
    """

    names: tuple[str, ...]
    bounds: tuple[tuple[int, float], ...]

    def __len__(self) -> int:
        return len(self.names)

    def of(self, ages: ArrayLike) -> np.ndarray:
        """The number of each age's group, int (N,); -1 where none fits or the age is NaN."""
        ages = np.floor(np.asarray(ages, dtype=float))
        low, high = np.array(self.bounds).T
        inside = (ages[:, None] >= low) & (ages[:, None] <= high)
        return np.where(inside.any(axis=1), inside.argmax(axis=1), -1)

    def years(self, ages: ArrayLike = ()) -> np.ndarray:
        """The age that each group stands for, float (K,): the mean of the faces in it, the middle where there are none.

        An estimate is the mean of these, weighted by the probabilities of the groups. Those of the training faces are
        to be given, or the middle of a group in which most are young would make everybody in it older.

        Examples
        --------
        >>> parse_groups(["0-12", "13-"]).years([3, 5])
        array([ 4. , 23.5])
        """
        ages = np.asarray(ages, dtype=float)
        codes = self.of(ages)
        middles = [(low + min(high + 1, low + _OPEN_WIDTH + 1)) / 2 for low, high in self.bounds]
        if len(self) == LAST_YEAR + 1 and self.names[0] == "0":
            return np.arange(len(self), dtype=float)
        found = [ages[codes == code].mean() if (codes == code).any() else m for code, m in enumerate(middles)]
        return np.array(found)


def parse_groups(texts: Iterable[str]) -> AgeGroups:
    """Groups as people write them: a name, if any, then the first and the last year, such as ``Baby 0-1``.

    The last group may be open, as ``Senior 59-``. A group without a name is called by its years.

    Raises
    ------
    UsageError
        For anything else, fewer than two groups, groups out of order or overlapping, or one name twice.

    Examples
    --------
    >>> parse_groups(["0-17", "18-"]).names
    ('0–17', '18 and over')
    >>> parse_groups(["Child 0-12", "Teenager 12-18"])
    Traceback (most recent call last):
        ...
    age_audit.core.errors.UsageError: expected groups in ascending order, none overlapping another, ...
    """
    texts = tuple(texts)
    matches = [_GROUP.fullmatch(text.strip()) for text in texts]
    if not all(matches) or len(texts) < 2:
        wrong = next((text for text, match in zip(texts, matches, strict=True) if not match), None)
        raise UsageError(
            "expected two or more age groups such as 'Child 0-12', 'Teenager 13-18', 'Adult 19-', got "
            + (repr(wrong) if wrong is not None else repr(", ".join(texts)))
        )
    bounds = tuple((int(match["low"]), float(match["high"] or np.inf)) for match in matches)
    if any(low > high for low, high in bounds) or any(before[1] >= after[0] for before, after in pairwise(bounds)):
        raise UsageError(
            f"expected groups in ascending order, none overlapping another, only the last open; got {', '.join(texts)}"
        )
    names = tuple(match["name"] or _years(*bound) for match, bound in zip(matches, bounds, strict=True))
    if len(set(names)) < len(names):
        raise UsageError(f"expected a name of its own for each group, got {', '.join(names)}")
    return AgeGroups(names, bounds)


def single_years(last: int = LAST_YEAR) -> AgeGroups:
    """A class for each year from 0; the last holds whoever is older too.

    Examples
    --------
    >>> years = single_years()
    >>> years.of([30, 116]).tolist(), years.years([7.0])[7]
    ([30, 100], np.float64(7.0))
    """
    bounds = tuple((year, float(year) if year < last else np.inf) for year in range(last + 1))
    return AgeGroups(tuple(map(str, range(last + 1))), bounds)


def _years(low: int, high: float) -> str:
    return f"{low} and over" if np.isinf(high) else f"{low}–{high:.0f}"
