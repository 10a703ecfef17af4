"""Who is in the data: how many images of which group at which age, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from age_audit.core.groups import groups_of, real_ages, require_columns

OUTCOMES = ("estimated", "explained")


def faces_by_age(frame: pd.DataFrame, features: Sequence[str] = (), width: int = 1) -> pd.DataFrame:
    """Count the images of each group in bands of real age.

    Parameters
    ----------
    frame : DataFrame
        One row an image, as :attr:`age_audit.data.results.Results.images`: ``age_real`` in years, the features, and of
        ``estimated`` and ``explained`` (bool) what is known. Where an age is known to lie between two only, each of
        these years gets an equal part of the image.
    features : sequence of str
        Columns; every combination of their levels is a group. None: all images together.
    width : int
        Of a band, in years; bands begin at its multiples.

    Returns
    -------
    DataFrame
        One row for each group and band, from the lowest band of any image to the highest. Columns: the features,
        ``age_low`` and ``age_high`` (years, both included), ``images``, and how many of them were ``estimated`` and
        ``explained``, where known. Images without an age, or without a label of some feature, are in no row.

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Examples
    --------
    >>> frame = pd.DataFrame({"age_real": [1, 3, 3, 5], "race_real": ["Asian", "Asian", "Other", "Other"]})
    >>> faces_by_age(frame.assign(estimated=[True, False, True, True]), ["race_real"], width=4)
      race_real  age_low  age_high  images  estimated
    0     Asian        0         3       2          1
    1     Asian        4         7       0          0
    2     Other        0         3       1          1
    3     Other        4         7       1          1
    """
    require_columns(frame, ("age_real", *features))
    lowest, highest = (np.floor(ages) for ages in real_ages(frame))
    known = np.isfinite(lowest)
    bands = _bands(lowest[known], highest[known], width)
    outcomes = [name for name in OUTCOMES if name in frame]
    rows = []
    for labels, inside in groups_of(frame, features):
        counted = {"images": inside & known} | {name: inside & known & frame[name].to_numpy(bool) for name in outcomes}
        counts = {name: _images_by_year(lowest[chosen], highest[chosen], bands) for name, chosen in counted.items()}
        rows += [
            labels | {"age_low": low, "age_high": low + width - 1} | {name: n[i] for name, n in counts.items()}
            for i, low in enumerate(bands[:-1])
        ]
    table = pd.DataFrame(rows, columns=[*features, "age_low", "age_high", "images", *outcomes])
    whole = (lowest[known] == highest[known]).all()
    return table.astype(dict.fromkeys(("images", *outcomes), int)) if whole else table


def _bands(lowest: np.ndarray, highest: np.ndarray, width: int) -> np.ndarray:
    """Years at which bands begin, and where the last one ends."""
    if not lowest.size:
        return np.zeros(1, dtype=int)
    first, last = (int(age // width) * width for age in (lowest.min(), highest.max()))
    return np.arange(first, last + width + 1, width)


def _images_by_year(lowest: np.ndarray, highest: np.ndarray, bands: np.ndarray) -> np.ndarray:
    """How many images, parts of them included, are in each band."""
    part = 1 / (highest - lowest + 1)
    before = [(part * np.clip(edge - lowest, 0, highest - lowest + 1)).sum() for edge in bands]
    return np.diff(before).round(9)
