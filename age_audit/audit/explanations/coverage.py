"""How much of the picture, and of each region, an explanation marks at all."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from age_audit.core.groups import require_columns
from age_audit.core.schema import CANVAS
from age_audit.regions.polygons import REGIONS
from age_audit.stats.correlations import pearson_r

AREAS = ("raises", "lowers", "settled")


def mask_areas(raising_packed: np.ndarray, lowering_packed: np.ndarray) -> pd.DataFrame:
    """Share of the picture that each face's mask marks.

    Parameters
    ----------
    raising_packed, lowering_packed : ndarray of uint8, shape (N, 6272)
        Packed masks: pixels that raise and that lower the estimate.

    Returns
    -------
    DataFrame
        N rows, 0–1: ``raises``, ``lowers``, and ``settled``, their sum. Masks of two values are settled everywhere,
        because nobody asked.

    Examples
    --------
    >>> from age_audit.core.masks import pack_masks
    >>> raises, lowers = np.zeros((2, 1, 224, 224), dtype=bool)
    >>> raises[:, :112] = True  # the upper half raises the estimate
    >>> lowers[:, 168:] = True  # the lowest quarter lowers it
    >>> mask_areas(pack_masks(raises), pack_masks(lowers))
       raises  lowers  settled
    0     0.5    0.25     0.75
    """
    areas = [np.bitwise_count(packed).sum(axis=1, dtype=np.int64) for packed in (raising_packed, lowering_packed)]
    raises, lowers = (area / CANVAS**2 for area in areas)
    return pd.DataFrame({"raises": raises, "lowers": lowers, "settled": raises + lowers})


def area_table(areas: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """How these shares are spread over faces.

    Parameters
    ----------
    areas : mapping of str to DataFrame
        From :func:`mask_areas`, by the name of the masks.

    Returns
    -------
    DataFrame
        One row a kind of masks and area. Columns: ``masks``, ``area``, ``n``, ``mean``, ``sd``, ``p5``, ``median``,
        ``p95`` (0–1) and ``faces_without`` (share of faces with none at all); NaN without faces, ``sd`` also with one.

    Examples
    --------
    >>> areas = pd.DataFrame({"raises": [0.0, 0.2, 0.4], "lowers": [0.1, 0.1, 0.1], "settled": [0.1, 0.3, 0.5]})
    >>> area_table({"lime": areas})[["masks", "area", "n", "mean", "median", "faces_without"]].round(2)
      masks     area  n  mean  median  faces_without
    0  lime   raises  3   0.2     0.2           0.33
    1  lime   lowers  3   0.1     0.1           0.00
    2  lime  settled  3   0.3     0.3           0.00
    """
    rows = []
    for name, frame in areas.items():
        for area in AREAS:
            shares = frame[area]
            row = {"masks": name, "area": area, "n": len(shares), "mean": shares.mean(), "sd": shares.std()}
            row |= {name: shares.quantile(q) for name, q in (("p5", 0.05), ("median", 0.5), ("p95", 0.95))}
            rows.append(row | {"faces_without": (shares == 0).mean()})
    return pd.DataFrame(rows)


def region_table(activations: Mapping[str, pd.DataFrame], raises: Mapping[str, float]) -> pd.DataFrame:
    """Mean share of each region that raises the estimate, beside what masks spread evenly would give.

    Parameters
    ----------
    activations : mapping of str to DataFrame
        By the name of the masks, with ``activation_<region>_pct_of_feature`` of all regions.
    raises : mapping of str to float
        By the name of the masks, mean share of the picture that raises the estimate, of the same faces.

    Returns
    -------
    DataFrame
        One row a kind of masks and region. Columns: ``masks``, ``region``, ``n``, ``positive_share`` (mean over faces,
        0–1), ``even`` (the same number in every row of one kind) and ``to_even`` = positive_share / even: 1
        where the region is marked no more than any other place.

    Examples
    --------
    >>> columns = {f"activation_{region}_pct_of_feature": [0.2, 0.4] for region in REGIONS}
    >>> table = region_table({"lime": pd.DataFrame(columns)}, {"lime": 0.2})
    >>> table.head(2).round(2)
      masks region  n  positive_share  even  to_even
    0  lime   nose  2             0.3   0.2      1.5
    1  lime  eye_l  2             0.3   0.2      1.5
    """
    rows = []
    for name, frame in activations.items():
        columns = {region: f"activation_{region}_pct_of_feature" for region in REGIONS}
        require_columns(frame, columns.values())
        even = raises[name]
        for region, column in columns.items():
            shares = frame[column].dropna()
            row = {"masks": name, "region": region, "n": len(shares), "positive_share": shares.mean(), "even": even}
            rows.append(row | {"to_even": shares.mean() / even if even else np.nan})
    return pd.DataFrame(rows)


def region_spread(table: pd.DataFrame) -> pd.DataFrame:
    """How far apart regions are in :func:`region_table`: 0 where an explanation knows no face.

    Returns
    -------
    DataFrame
        One row a kind of masks. Columns: ``masks``, ``n``, ``least`` and ``most`` (smallest and largest ``to_even``)
        and the regions that have them (``least_region``, ``most_region``), ``spread`` (standard deviation of
        ``to_even`` over regions).

    Examples
    --------
    >>> table = pd.DataFrame({"masks": "lime", "region": ["nose", "chin"], "n": 40, "to_even": [1.5, 0.5]})
    >>> region_spread(table).T
                     0
    masks         lime
    n               40
    least          0.5
    most           1.5
    least_region  chin
    most_region   nose
    spread         0.5
    """
    rows = []
    for name, regions in table.groupby("masks", sort=False):
        ratios = regions.set_index("region")["to_even"].dropna()
        row = {"masks": name, "n": int(regions["n"].max()), "least": ratios.min(), "most": ratios.max()}
        named = len(ratios) > 0
        row |= {"least_region": ratios.idxmin() if named else "", "most_region": ratios.idxmax() if named else ""}
        rows.append(row | {"spread": ratios.std(ddof=0)})
    return pd.DataFrame(rows)


def likeness_table(maps: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """How alike the masks of all faces are.

    Parameters
    ----------
    maps : mapping of str to ndarray of float, shape (N, ...)
        By the name of the masks, -1 to 1, such as :func:`age_audit.core.masks.block_means`; all with the same places.

    Returns
    -------
    DataFrame
        One row a kind of masks. Columns: ``masks``, ``n``; ``lowest`` and ``highest`` value of the mean map;
        ``in_common``: the share of the maps' squared values that their mean holds (0–1; 1 where all faces have one
        mask, 1 / n where they have nothing in common); ``r_with_first``: correlation over places with the first mean
        map. NaN without faces.

    Examples
    --------
    >>> same, noise = np.ones((3, 2, 2)), np.array([[1.0, -1], [-1, 1], [1, 1], [-1, -1]])
    >>> likeness_table({"one mask": same, "nothing in common": noise.repeat(2, axis=1)})[["masks", "n", "in_common"]]
                   masks  n  in_common
    0           one mask  3        1.0
    1  nothing in common  4        0.0
    """
    rows, reference = [], None
    for name, values in maps.items():
        flat = values.reshape(len(values), int(np.prod(values.shape[1:]))).astype(float)
        mean = flat.mean(axis=0) if len(flat) else np.full(flat.shape[1], np.nan)
        reference = mean if reference is None else reference
        square = (flat**2).mean() if len(flat) else np.nan
        row = {"masks": name, "n": len(flat), "lowest": mean.min(), "highest": mean.max()}
        row |= {"in_common": (mean**2).mean() / square if square else np.nan}
        rows.append(row | {"r_with_first": pearson_r(mean, reference)})
    return pd.DataFrame(rows)
