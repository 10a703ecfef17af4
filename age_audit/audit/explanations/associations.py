"""Region shares as parts of a whole, and what they have to do with errors.

Shares of one face sum to 1, so one that grows makes others shrink: their correlations with anything are tied together,
and a share can correlate with the error only because another one does. Log-ratios do not depend on what the parts are
divided by (Aitchison 1986): the centred log-ratio (CLR) of a share is its logarithm less the mean logarithm of all
shares of that face, and says how large the part is in proportion to the typical part. CLRs still sum to 0: a part that
goes with the error makes the typical part go with it too, so P of them are not P separate answers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from age_audit.core.groups import require_columns
from age_audit.core.randomness import CONFIDENCE, PERMUTATIONS, stream
from age_audit.core.vocabulary import FEATURES_FACIAL, FEATURES_OUTER_BOUNDARIES, FEW_FACES, KEYS_BOUNDARIES
from age_audit.stats.compositions import ZERO_SHARE, centred_log_ratios, closed
from age_audit.stats.correlations import fisher_interval, pearson_r
from age_audit.stats.resampling import column_correlation_p_values, with_adjusted

ERRORS = ("signed_error", "absolute_error")


def boundary_parts(frame: pd.DataFrame) -> pd.DataFrame:
    """The five parts of the study: the face, as the mean of its 9 regions, and the four outer boundaries.

    Parameters
    ----------
    frame : DataFrame
        N rows with ``activation_<region>_pct_of_feature`` of all 13 regions.

    Returns
    -------
    DataFrame
        The frame's index, the columns ``face``, ``outer_boundary_left``, ``_right``, ``_top``, ``_bottom``: each
        divided by the sum of the five, so that rows sum to 1; NaN where a value is missing or all are 0.

    Examples
    --------
    >>> shares = dict.fromkeys(FEATURES_FACIAL, [0.4]) | dict.fromkeys(FEATURES_OUTER_BOUNDARIES, [0.1])
    >>> boundary_parts(pd.DataFrame(shares)).T
                               0
    face                   0.500
    outer_boundary_left    0.125
    outer_boundary_right   0.125
    outer_boundary_top     0.125
    outer_boundary_bottom  0.125
    """
    require_columns(frame, (*FEATURES_FACIAL, *FEATURES_OUTER_BOUNDARIES))
    parts = {"face": frame[FEATURES_FACIAL].mean(axis=1, skipna=False)}
    for name in KEYS_BOUNDARIES[1:]:
        parts[name] = frame[f"activation_{name.removeprefix('outer_boundary_')}_pct_of_feature"]
    return pd.DataFrame(closed(np.column_stack(list(parts.values()))), frame.index, KEYS_BOUNDARIES)


def share_associations(
    frame: pd.DataFrame,
    parts: Sequence[str] = tuple(KEYS_BOUNDARIES),
    errors: Sequence[str] = ERRORS,
    *,
    seed: int,
    zero_share: float = ZERO_SHARE,
    permutations: int = PERMUTATIONS,
    confidence: float = CONFIDENCE,
    adjust: bool = True,
) -> pd.DataFrame:
    """How region shares go with errors: through log-ratios, next to the study's r of the plain shares.

    Null hypothesis of each row: the error of a face does not depend on its explanation, so that which share goes with
    which error is arbitrary.

    Parameters
    ----------
    frame : DataFrame
        With the columns named by ``parts`` and ``errors``, one row a face. Rows that a cohort repeats would count as
        faces of their own: leave them out first.
    parts : sequence of str
        Columns of parts that do not overlap and together are the whole, 0 or more; divided by their sum here.
    errors : sequence of str
        Columns, in any unit.
    seed : int
        Of the permutations.
    zero_share : float
        What stands for a share of 0, between 0 and 1 / P.
    permutations : int
    confidence : float
        Coverage of the intervals, between 0 and 1.
    adjust : bool
        False leaves ``p_holm`` and ``p_bh`` out, for callers that adjust over several tables.

    Returns
    -------
    DataFrame
        One row a part and error. Columns: ``part``, ``error``, ``n`` (faces with every part, none negative, and the
        error), ``zeros`` (of them with a share of 0); ``r_share`` (the study's Pearson r, of plain shares) and its
        ``p_share``; ``r`` of the CLR with ``low`` and ``high`` (Fisher's z) and ``p_value``, and that adjusted over
        the parts of one error (``p_holm``, ``p_bh``); ``few_faces``. NaN where a column is constant or faces are
        fewer than three (four for the interval).

    Raises
    ------
    ValueError
        For fewer than two parts, or a ``zero_share`` outside its range.

    Examples
    --------
    >>> frame = pd.DataFrame({"face": [0.2, 0.3, 0.5, 0.6, 0.8], "signed_error": [-4.0, -1, 0, 3, 4]})
    >>> frame["outside"] = 1 - frame["face"]
    >>> table = share_associations(frame, ["face", "outside"], ["signed_error"], seed=1)
    >>> table[["part", "error", "n", "r_share", "r"]].round(2)
          part         error  n  r_share     r
    0     face  signed_error  5     0.96  0.96
    1  outside  signed_error  5    -0.96 -0.96
    """
    if len(parts) < 2:
        raise ValueError(f"expected at least two parts of a whole, got {len(parts)}")
    require_columns(frame, (*parts, *errors))
    shares = closed(frame[list(parts)])
    ratios = centred_log_ratios(shares, zero_share)
    rng = stream(seed, "associations of shares")
    rows = []
    for error in errors:
        values = frame[error].to_numpy(dtype=float)
        used = np.isfinite(values) & np.isfinite(shares[:, 0])
        value, both = values[used], np.column_stack([shares[used], ratios[used]])
        p_values = column_correlation_p_values(both, value, rng=rng, permutations=permutations)
        p_share, p_ratio = p_values[: len(parts)], p_values[len(parts) :]
        for i, part in enumerate(parts):
            share, ratio = both[:, i], both[:, len(parts) + i]
            row = {"part": part, "error": error, "n": len(value), "zeros": int((share == 0).sum())}
            row |= {"r_share": pearson_r(share, value), "p_share": p_share[i]}
            row["r"] = pearson_r(ratio, value)
            row["low"], row["high"] = map(float, fisher_interval(row["r"], len(value), confidence))
            rows.append(row | {"p_value": p_ratio[i], "few_faces": len(value) < FEW_FACES})
    table = pd.DataFrame(rows)
    return with_adjusted(table, ["error"]) if adjust else table
