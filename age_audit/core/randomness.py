"""Random draws that depend on a seed and a name, so that no two purposes share a stream and none depends on another."""

from __future__ import annotations

import hashlib

import numpy as np


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
