"""Random draws that depend on a seed and a name, so that no two purposes share a stream and none depends on another."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95  # coverage of all intervals
DRAWS = 2_000  # bootstrap samples an interval
PERMUTATIONS = 4_999  # with 1 added to both counts, the smallest p-value is 1 / 5,000


def stream(seed: int, name: str | bytes) -> np.random.Generator:
    """A generator of its own for each seed and name.

    Parameters
    ----------
    seed : int
        0 or more.
    name : str or bytes
        What the draws are for; or the data they are drawn from, where the same data shall get the same draws whoever
        asks.

    Returns
    -------
    numpy.random.Generator

    Examples
    --------
    >>> a, b, c = stream(42, "halves"), stream(42, "halves"), stream(42, "shuffles")
    >>> bool(a.random() == b.random()), bool(a.random() == c.random())
    (True, False)
    """
    digest = hashlib.sha256(name.encode() if isinstance(name, str) else name).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest[:16], dtype="<u4").tolist()])


@dataclass(frozen=True)
class Resampling:
    """How the intervals and p-values of a table are drawn; the same gives the same table.

    Attributes
    ----------
    seed : int
        0 or more.
    draws, permutations : int
        Bootstrap samples an interval, permutations a p-value.
    confidence : float
        Coverage of the intervals, between 0 and 1.

    Raises
    ------
    ValueError
        If the confidence is not between 0 and 1.
    """

    seed: int
    draws: int = DRAWS
    permutations: int = PERMUTATIONS
    confidence: float = CONFIDENCE

    def __post_init__(self):
        if not 0 < self.confidence < 1:
            raise ValueError(f"expected a confidence between 0 and 1, got {self.confidence}")

    @property
    def floor(self) -> float:
        """The smallest p-value that so many permutations can give: the true one may be smaller."""
        return 1 / (self.permutations + 1)

    def for_intervals(self, name: str | bytes) -> dict:
        """What :func:`age_audit.stats.resampling.combination_interval` asks for, with the stream of that name."""
        return {"rng": stream(self.seed, name), "draws": self.draws, "confidence": self.confidence}
