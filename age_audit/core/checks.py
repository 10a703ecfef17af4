"""Parameters that check themselves when they are made: each field states what it may be.

@dataclass(frozen=True)
class Parameters(Checked):
samples: int = whole(256, least=2)
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, fields
from math import inf, isfinite
from numbers import Integral, Real

import numpy as np

from age_audit.core.errors import UsageError

LARGEST_SEED = 2**32 - 1


class Checked:
    """Base of dataclasses whose fields are made by the functions of this module, such as :func:`whole`.

    Numbers of NumPy become Python's, so that they can be written as JSON.

    Raises
    ------
    UsageError
        On construction, for a value that its field does not allow.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class Parameters(Checked):
    ...     samples: int = whole(256, least=2)
    >>> Parameters(np.int64(8))
    Parameters(samples=8)
    >>> Parameters(10.5)
    Traceback (most recent call last):
        ...
    age_audit.core.errors.UsageError: expected samples to be a whole number, at least 2, such as 256, got 10.5
    """

    def __post_init__(self):
        for entry in fields(self):
            if "allows" in entry.metadata:
                given = getattr(self, entry.name)
                given = given.item() if isinstance(given, np.generic) else given
                entry.metadata["allows"].check(entry.name, given, entry.default)
                object.__setattr__(self, entry.name, given)


@dataclass(frozen=True)
class _Number:
    least: float
    most: float
    whole: bool
    above: bool = False
    below: bool = False

    def check(self, name: str, given, default) -> None:
        kind = Integral if self.whole else Real
        if isinstance(given, kind) and not isinstance(given, bool) and isfinite(given):
            low = given > self.least if self.above else given >= self.least
            if low and (given < self.most if self.below else given <= self.most):
                return
        bounds = f"{'above' if self.above else 'at least'} {self.least:g}"
        bounds += f" and {'below' if self.below else 'at most'} {self.most:g}" if self.most < inf else ""
        what = "a whole number" if self.whole else "a number"
        raise UsageError(f"expected {name} to be {what}, {bounds}, such as {default:g}, got {given!r}")


@dataclass(frozen=True)
class _Choice:
    choices: tuple

    def check(self, name: str, given, default) -> None:
        if not any(given is one or (isinstance(given, str) and given == one) for one in self.choices):
            raise UsageError(f"expected {name} to be one of {', '.join(map(str, self.choices))}, got {given!r}")


@dataclass(frozen=True)
class _Text:
    def check(self, name: str, given, default) -> None:
        if not isinstance(given, str) or not given:
            raise UsageError(f"expected {name} to be a text, such as {default!r}, got {given!r}")


def whole(default: int, least: int, most: float = inf, **metadata):
    """A field of a whole number, both bounds included."""
    return field(default=default, metadata={"allows": _Number(least, most, True)} | metadata)


def number(default: float, least: float = 0, most: float = inf, *, above=False, below=False, **metadata):
    """A field of a finite number; ``above`` and ``below``: that the bound itself is not allowed."""
    return field(default=default, metadata={"allows": _Number(least, most, False, above, below)} | metadata)


def choice(default: str, choices: Collection[str], **metadata):
    """A field of one of some words."""
    return field(default=default, metadata={"allows": _Choice(tuple(choices))} | metadata)


def flag(default: bool, **metadata):
    """A field of True or False."""
    return field(default=default, metadata={"allows": _Choice((True, False))} | metadata)


def named(default: str, **metadata):
    """A field of a text that is not empty."""
    return field(default=default, metadata={"allows": _Text()} | metadata)


def checked_seed(seed) -> int:
    """A seed as a Python int.

    Raises
    ------
    UsageError
        Unless it is a whole number, Python's or NumPy's, from 0 to 2**32 - 1.

    Examples
    --------
    >>> checked_seed(np.int64(3))
    3
    >>> checked_seed(None)
    Traceback (most recent call last):
        ...
    age_audit.core.errors.UsageError: expected a seed that is a whole number of 0 to 4294967295, such as 42, got None
    """
    if isinstance(seed, Integral) and not isinstance(seed, bool) and 0 <= seed <= LARGEST_SEED:
        return int(seed)
    raise UsageError(f"expected a seed that is a whole number of 0 to {LARGEST_SEED}, such as 42, got {seed!r}")


def checked_whole(name: str, given, least: int) -> int:
    """A whole number of at least so many, as a Python int.

    Examples
    --------
    >>> checked_whole("steps", 0, 1)
    Traceback (most recent call last):
        ...
    age_audit.core.errors.UsageError: expected steps to be a whole number, at least 1, such as 1, got 0
    """
    given = given.item() if isinstance(given, np.generic) else given
    _Number(least, inf, True).check(name, given, least)
    return given
