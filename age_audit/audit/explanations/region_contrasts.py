"""Does one part of the face move the estimates of one group more than those of the others?

The audit of explanations that ``docs/audit_power.md`` puts to the test: with estimators whose flaw is known, it has to
name the region and the group, and to say nothing where nothing was planted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from age_audit.core.errors import UsageError
from age_audit.core.groups import require_columns
from age_audit.core.randomness import Resampling, stream
from age_audit.core.vocabulary import FEW_FACES
from age_audit.regions.polygons import REGIONS
from age_audit.stats.resampling import combination_interval, difference_p_values, with_adjusted

SIGNED, SIZE = "signed", "size"
ALPHA = 0.05  # chance of any false finding in a table


class Finding(NamedTuple):
    """What stands out most: in ``group``, ``region`` moves estimates more than in the others.

    Examples
    --------
    >>> Finding("Female", "nose", pd.Series({"p_holm": 0.01})).region
    'nose'
    """

    group: str
    region: str
    row: pd.Series


def region_contrasts(
    frame: pd.DataFrame,
    feature: str,
    *,
    resampling: Resampling,
    regions: Sequence[str] = REGIONS,
    unit: str = "years",
    intervals: bool = True,
) -> pd.DataFrame:
    """Compare what each region does to the estimates of each group and of all other faces.

    Two numbers a region: its years with their sign, whose mean says whether the region makes a group older; and their
    size, whose mean says how much estimates hang on the region, whichever way. A flaw that makes some faces older and
    others younger has a mean near 0, and shows in the size alone.

    Null hypothesis of each row: what the region does to a face does not depend on its group. Permutations of faces;
    Holm's adjustment over all rows, so that the chance of any false finding in the table stays below the level.

    Parameters
    ----------
    frame : DataFrame
        One row a face: the feature, and ``<unit>_<region>`` of each region
        (:func:`age_audit.regions.years.region_years`). Faces that lack one of them are left out.
    feature : str
        Column of the groups, such as ``gender_real``.
    resampling : Resampling
        Seed, permutations, and what intervals are drawn with.
    regions : sequence of str
    unit : str
        How the columns begin: ``"years"``, or ``"probability"`` where one was explained.
    intervals : bool
        Whether the differences get bootstrap intervals, which takes most of the time.

    Returns
    -------
    DataFrame
        One row a group, region and measure. Columns: the feature; ``others`` (the other group of two, else
        ``"others"``); ``region``; ``measure`` (``"signed"``, or ``"size"``, alone where no value is below 0); ``n``,
        ``n_others``; ``mean``, ``mean_others``, and their ``difference`` with ``low`` and ``high``, all in the unit of
        the numbers; ``d`` (the difference over the pooled standard deviation, Cohen 1988); ``p_value``, ``p_holm``,
        ``p_bh``; ``few_faces`` (either n below 30). Of two groups only the first has rows: the other's say the same.

    Raises
    ------
    UsageError
        If the frame lacks a column, or has no face with a group and all numbers.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({f"years_{region}": rng.normal(size=80) for region in REGIONS})
    >>> frame["gender_real"] = ["Female"] * 40 + ["Male"] * 40
    >>> frame.loc[:39, "years_nose"] += 2  # noses make women two years older
    >>> table = region_contrasts(frame, "gender_real", resampling=Resampling(seed=1, draws=99, permutations=999))
    >>> table.loc[table["p_holm"] < 0.05, ["gender_real", "others", "region", "measure", "p_holm"]]
      gender_real others region measure  p_holm
    0      Female   Male   nose  signed   0.026
    1      Female   Male   nose    size   0.026
    >>> strongest(table)[:2]
    ('Female', 'nose')
    """
    columns = [f"{unit}_{region}" for region in regions]
    require_columns(frame, [feature, *columns])
    values = frame[columns].to_numpy(dtype=float)
    labels = pd.Categorical(frame[feature]).remove_unused_categories()
    known = np.isfinite(values).all(axis=1) & (labels.codes >= 0)
    if not known.any():
        raise UsageError(f"expected faces with a {feature} and {unit} of every region, got none of {len(frame)}")
    measures = {SIGNED: values[known].T, SIZE: np.abs(values[known]).T}
    if not (values[known] < 0).any():
        del measures[SIGNED]
    numbers = np.stack(list(measures.values()), axis=1).reshape(-1, known.sum())  # region by region
    names = list(labels.categories)
    compared = names[:1] if len(names) == 2 else names
    rows = len(numbers)
    columns = {
        feature: np.repeat(np.array(compared, dtype=object), rows),
        "others": names[1] if len(names) == 2 else "others",
        "region": np.tile(np.repeat(np.array(regions, dtype=object), len(measures)), len(compared)),
        "measure": np.tile(np.array(list(measures), dtype=object), len(regions) * len(compared)),
    }
    inside = [labels.codes[known] == code for code in range(len(compared))]
    found = [
        _contrast(numbers[:, group], numbers[:, ~group], resampling, str(name), intervals)
        for name, group in zip(compared, inside, strict=True)
    ]
    numeric = {column: np.concatenate([part[column] for part in found]) for column in _NUMERIC}
    table = with_adjusted(pd.DataFrame(columns | numeric))
    few = np.minimum(table["n"], table["n_others"]) < FEW_FACES
    return table.assign(few_faces=few)


_NUMERIC = ("n", "n_others", "mean", "mean_others", "difference", "low", "high", "d", "p_value")


def _contrast(
    inside: np.ndarray, outside: np.ndarray, resampling: Resampling, group: str, intervals: bool
) -> dict[str, np.ndarray]:
    """Columns of one row a number, of arrays (M, n) and (M, m)."""
    n, m = inside.shape[1], outside.shape[1]
    nothing = np.full(len(inside), np.nan)
    mean, others = (side.mean(axis=1) if side.size else nothing for side in (inside, outside))
    low = high = spread = nothing
    if min(n, m) > 1:
        variance = (inside.var(axis=1, ddof=1) * (n - 1) + outside.var(axis=1, ddof=1) * (m - 1)) / (n + m - 2)
        spread = np.where(variance > 0, np.sqrt(variance), np.nan)
    if intervals:
        drawn = combination_interval(
            [inside, outside], [1, -1], **resampling.for_intervals(f"regions of {group} against others")
        )
        low, high = drawn.low, drawn.high
    rng = stream(resampling.seed, f"regions dealt to {group} and others")
    return {
        **{"n": np.full(len(inside), n), "n_others": np.full(len(inside), m), "mean": mean, "mean_others": others},
        **{"difference": mean - others, "low": low, "high": high, "d": (mean - others) / spread},
        "p_value": difference_p_values(inside, outside, rng=rng, permutations=resampling.permutations),
    }


def strongest(table: pd.DataFrame, alpha: float = ALPHA) -> Finding | None:
    """What an audit would name: of the findings the one with the largest standardised difference, and in which group.

    The group is the one of whose estimates the region moves more, by the mean size. Regions that lie within each other,
    or that one superpixel touches, are often found together; the standardised difference tells which of them it is.

    Parameters
    ----------
    table : DataFrame
        From :func:`region_contrasts`.
    alpha : float
        Rows with ``p_holm`` of at most that are findings.

    Returns
    -------
    Finding or None
        None where nothing was found.

    Examples
    --------
    >>> table = pd.DataFrame(
    ...     {"gender": "f", "others": "m", "region": ["nose", "nose", "chin"], "measure": [SIGNED, SIZE, SIZE],
    ...      "difference": [1, -3, 5], "d": [2, -1, 0.5], "p_holm": [0.01, 0.2, 0.05]})
    >>> strongest(table)[:2]  # the estimates of men hang more on the nose
    ('m', 'nose')
    >>> strongest(table, alpha=0.001)
    """
    found = table[table["p_holm"] <= alpha]
    if found.empty:
        return None
    row = found.loc[found["d"].abs().fillna(np.inf).idxmax()]
    feature = table.columns[0]
    same = (table["region"] == row["region"]) & (table[feature] == row[feature]) & (table["measure"] == SIZE)
    more = table.loc[same, "difference"].iloc[0] > 0
    return Finding(row[feature] if more else row["others"], row["region"], row)
