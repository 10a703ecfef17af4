"""Whether two explanations of the same face agree in sign, beside those of other faces."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from age_audit.core.masks import unpack_masks
from age_audit.core.schema import CANVAS

_AT_ONCE = 256  # faces whose masks are unpacked at a time: 100 MB as numbers


def sign_agreement(asked: Mapping[str, np.ndarray], settled: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """On the pixels that one explanation of a face settles, how often another one of the same face has the same sign.

    Both kinds of mask have patterns that all faces share, and more pixels of one sign than of the other, so that one
    half is not what chance gives. Chance is the same number with the other explanation taken from each of the other
    faces in turn, on average: exact, nothing is drawn.

    Parameters
    ----------
    asked, settled : mapping of str to ndarray
        ``fname`` (N,), ``positive`` and ``negative``, packed uint8 (N, 6272), as the metadatasets have them. Their
        faces may differ: those in both count.

    Returns
    -------
    DataFrame
        One row a face in both, by file name: ``fname``; ``settled``, the share of its pixels (0-1) that the second
        settles; ``same_sign``, on these pixels, and ``of_other_faces``, both 0-1, NaN where none is settled or, the
        latter, where there is no other face.

    Examples
    --------
    >>> from age_audit.core.masks import pack_masks
    >>> left = np.zeros((2, 224, 224), dtype=bool)
    >>> left[0, :, :112], left[1, :, 112:] = True, True
    >>> halves = {"fname": np.array(["a", "b"]), "positive": pack_masks(left), "negative": pack_masks(~left)}
    >>> sign_agreement(halves, halves)  # itself, but just the opposite of the other
      fname  settled  same_sign  of_other_faces
    0     a      1.0        1.0             0.0
    1     b      1.0        1.0             0.0
    """
    places = [{name: row for row, name in enumerate(masks["fname"].tolist())} for masks in (asked, settled)]
    names = sorted(places[0].keys() & places[1].keys())
    rows = [np.array([place[name] for name in names], dtype=int) for place in places]
    chunks = [slice(start, start + _AT_ONCE) for start in range(0, len(names), _AT_ONCE)]
    area, same, others = np.zeros((3, len(names)))
    for side in ("positive", "negative"):
        mine, there = asked[side][rows[0]], settled[side][rows[1]]
        total = np.zeros(CANVAS * CANVAS)  # how many faces have each pixel so
        for chunk in chunks:
            total += unpack_masks(mine[chunk]).sum(axis=0, dtype=np.int64).ravel()
        shared = np.bitwise_count(mine & there).sum(axis=1, dtype=np.int64)
        area += np.bitwise_count(there).sum(axis=1, dtype=np.int64)
        same += shared
        for chunk in chunks:
            others[chunk] += unpack_masks(there[chunk]).reshape(-1, total.size).astype(float) @ total
        others -= shared  # with itself
    with np.errstate(invalid="ignore", divide="ignore"):
        return pd.DataFrame(
            {
                "fname": pd.Series(names, dtype=str),
                "settled": area / CANVAS**2,
                "same_sign": same / area,
                "of_other_faces": others / area / (len(names) - 1),
            }
        )
