"""Region shares as parts of a whole, and what they have to do with errors.

Shares of one face sum to 1, so one that grows makes others shrink: their correlations with anything are tied together,
and a share can correlate with the error only because another one does. Log-ratios do not depend on what the parts are
divided by (Aitchison 1986): the centred log-ratio (CLR) of a share is its logarithm less the mean logarithm of all
shares of that face, and says how large the part is in proportion to the typical part. CLRs still sum to 0: a part that
goes with the error makes the typical part go with it too, so P of them are not P separate answers.

A mask explains the estimate, and the error contains the estimate: among children the one nearly is the other. So an
association with the error may be no more than one with the estimate; what is left at equal estimates stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from age_audit.core.groups import require_columns
from age_audit.core.randomness import CONFIDENCE, PERMUTATIONS, stream
from age_audit.core.vocabulary import FEATURES_FACIAL, FEATURES_OUTER_BOUNDARIES, FEW_FACES, KEYS_BOUNDARIES
from age_audit.stats.compositions import ZERO_SHARE, centred_log_ratios, closed
from age_audit.stats.correlations import fisher_interval, pearson_r, residuals
from age_audit.stats.resampling import column_correlation_p_values, with_adjusted

ERRORS = ("signed_error", "absolute_error")
_DEGREE = 3  # of the polynomial by which a variable is held equal


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
    given: str | None = None,
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
        False leaves adjusted p-values out, for callers that adjust over several tables.
    given : str, optional
        A column to hold equal as well: a cubic polynomial of it is taken off shares, log-ratios and errors, and what is
        left of them is correlated (partial correlation; the permutations are of residuals, Freedman and Lane 1983).

    Returns
    -------
    DataFrame
        One row a part and error. Columns: ``segment`` (the part), ``error``, ``n`` (faces with every part, none
        negative, and the error), ``zeros`` (of them with a share of 0); ``r_share`` (the study's Pearson r, of plain
        shares) and its ``p_share``; ``r`` of the CLR with ``low`` and ``high`` (Fisher's z) and ``p_value``, and that
        adjusted over the parts of one error (``p_holm``, ``p_bh``); ``few_faces``. NaN where a column is constant or
        faces are fewer than three (four for the interval). With ``given`` also ``r_share_given`` and ``p_share_given``,
        ``r_given`` with ``r_given_low`` and ``r_given_high``, ``p_given`` and ``p_given_holm``; of faces that have it.

    Raises
    ------
    ValueError
        For fewer than two parts, or a ``zero_share`` outside its range.

    Examples
    --------
    >>> frame = pd.DataFrame({"face": [0.2, 0.3, 0.5, 0.6, 0.8], "signed_error": [-4.0, -1, 0, 3, 4]})
    >>> frame["outside"] = 1 - frame["face"]
    >>> table = share_associations(frame, ["face", "outside"], ["signed_error"], seed=1)
    >>> table[["segment", "error", "n", "r_share", "r"]].round(2)
       segment         error  n  r_share     r
    0     face  signed_error  5     0.96  0.96
    1  outside  signed_error  5    -0.96 -0.96
    """
    if len(parts) < 2:
        raise ValueError(f"expected at least two parts of a whole, got {len(parts)}")
    require_columns(frame, (*parts, *errors, *([given] if given else [])))
    shares = closed(frame[list(parts)])
    ratios = centred_log_ratios(shares, zero_share)
    drawn = {"rng": stream(seed, "associations of shares"), "permutations": permutations}
    drawn_given = drawn | {"rng": stream(seed, f"associations of shares at equal {given}")}
    rows = []
    for error in errors:
        values = frame[error].to_numpy(dtype=float)
        held = frame[given].to_numpy(dtype=float) if given else np.zeros(len(frame))
        used = np.isfinite(values) & np.isfinite(shares[:, 0]) & np.isfinite(held)
        value, both = values[used], np.column_stack([shares[used], ratios[used]])
        found = _correlated(both, value, confidence, drawn)
        equal = _correlated_given(both, value, held[used], confidence, drawn_given) if given else found
        for i, part in enumerate(parts):
            share, ratio = found[i], found[len(parts) + i]
            row = {"segment": part, "error": error, "n": len(value), "zeros": int((both[:, i] == 0).sum())}
            row |= {"r_share": share["r"], "p_share": share["p_value"]} | ratio
            if given:
                share, ratio = equal[i], equal[len(parts) + i]
                row |= {"r_share_given": share["r"], "p_share_given": share["p_value"], "r_given": ratio["r"]}
                row |= {"r_given_low": ratio["low"], "r_given_high": ratio["high"], "p_given": ratio["p_value"]}
            rows.append(row | {"few_faces": len(value) < FEW_FACES})
    table = pd.DataFrame(rows)
    if not adjust:
        return table
    if given:
        table["p_given_holm"] = with_adjusted(table, ["error"], "p_given")["p_holm"]
    return with_adjusted(table, ["error"])


def _correlated(columns: np.ndarray, value: np.ndarray, confidence: float, drawn: dict, lost: int = 0) -> list[dict]:
    """Of each column ``r``, its interval, as of so many faces fewer, and ``p_value``."""
    found = []
    for column, p_value in zip(columns.T, column_correlation_p_values(columns, value, **drawn), strict=True):
        r = pearson_r(column, value)
        low, high = map(float, fisher_interval(r, len(value) - lost, confidence))
        found.append({"r": r, "low": low, "high": high, "p_value": p_value})
    return found


def _correlated_given(
    columns: np.ndarray, value: np.ndarray, held: np.ndarray, confidence: float, drawn: dict
) -> list[dict]:
    """The same of what the polynomial leaves: nothing of so few faces that it could go through nearly all."""
    left = np.zeros((len(value), columns.shape[1] + 1))
    if len(value) > 2 * _DEGREE:
        left = residuals(np.column_stack([columns, value]), held, _DEGREE)
    return _correlated(left[:, :-1], left[:, -1], confidence, drawn, _DEGREE)
