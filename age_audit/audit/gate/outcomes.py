"""Pass, refuse, or ask for a document: what a band of uncertainty around the limit does, and for whom.

A band says how far above the limit an estimate has to be to pass, and how far below it to be refused; within it a
document is asked for. Its width may be the policy's buffer, or what the model itself says of its doubt about a face
(the standard deviation of its distribution over ages). Whether that doubt is worth anything is seen beside a band of
one width for all faces that asks as many: there each band takes the place of the buffer. For one face doubt comes on
top of the policy's buffer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from age_audit.audit.gate.rates import OLDEST, Ages, bands, shown_shares, within
from age_audit.core.groups import require_columns
from age_audit.core.policy import ERROR, PASS, REFUSE, Policy

ASK = "ask for a document"
OUTCOMES = (PASS, ASK, REFUSE)
NO_BAND, BUFFER = "no band", "the policy's buffer"


def widths(frame: pd.DataFrame, policy: Policy, deviations: Sequence[float] = (1, 2)) -> dict[str, np.ndarray]:
    """Half widths of bands, in years, of each face: none, the buffer, the stated spread, and as many by one width.

    Parameters
    ----------
    frame : DataFrame
        N rows with ``age_estimation`` and, where the model has it, ``age_spread`` (years).
    policy : Policy
    deviations : sequence of float
        So many stated standard deviations.

    Returns
    -------
    dict of str to ndarray of float, shape (N,)
        Without stated spreads only the first two; the buffer only where there is one.

    Examples
    --------
    >>> faces = pd.DataFrame({"age_estimation": [15, 19, 30], "age_spread": [4.0, 4.0, 1.0]})
    >>> {name: width.tolist() for name, width in widths(faces, Policy(age=18), [1]).items()}
    {'no band': [0.0, 0.0, 0.0], '± 1 stated SD': [4.0, 4.0, 1.0], 'one width that asks as many': [3.0, 3.0, 3.0]}
    """
    require_columns(frame, ["age_estimation"])
    found = {NO_BAND: np.zeros(len(frame))}
    if policy.buffer:
        found[BUFFER] = np.full(len(frame), float(policy.buffer))
    if "age_spread" not in frame or frame["age_spread"].isna().all():
        return found
    spread = frame["age_spread"].to_numpy(dtype=float)
    away = np.abs(frame["age_estimation"].to_numpy(dtype=float) - policy.age)
    for k in deviations:
        found[f"± {k:g} stated SD"] = k * spread
        asked = int((away <= k * spread).sum())
        name = "one width that asks as many" + (f" as ± {k:g} SD" if len(deviations) > 1 else "")
        found[name] = np.full(len(frame), np.sort(away[~np.isnan(spread)])[asked - 1] if asked else 0.0)
    return found


def outcomes(frame: pd.DataFrame, policy: Policy, half_width: np.ndarray) -> np.ndarray:
    """What becomes of each face: ``"pass"``, ``"refuse"`` or ``"ask for a document"``.

    Parameters
    ----------
    frame : DataFrame
        N rows with ``age_estimation`` (years).
    policy : Policy
        Who is below its age is refused, who reaches its age and buffer passes, a document is asked for between.
    half_width : ndarray of float, shape (N,)
        Years of doubt on top of the policy's buffer, below and above; with 0 there is none. So nobody passes whom the
        policy alone would ask. Where it is missing but there is an estimate, a document is asked for.

    Returns
    -------
    ndarray of object, shape (N,)
        None for a face that is not found where the policy calls that an error.

    Examples
    --------
    >>> faces = pd.DataFrame({"age_estimation": [18, 24, 15, 10, None]})
    >>> outcomes(faces, Policy(age=18), np.array([0, 5, 5, 5, 5])).tolist()
    ['pass', 'pass', 'ask for a document', 'refuse', 'refuse']
    >>> outcomes(faces, Policy("Challenge 25", 18, 7), np.array([0, 5, 5, 5, 5])).tolist()
    ['ask for a document', 'ask for a document', 'ask for a document', 'refuse', 'refuse']
    """
    estimates = frame["age_estimation"].to_numpy(dtype=float)
    above = estimates - policy.ask_below
    found = np.full(len(frame), ASK, dtype=object)
    found[(above > half_width) | ((above >= 0) & (half_width == 0))] = PASS
    found[estimates < policy.age - half_width] = REFUSE
    found[np.isnan(estimates)] = {ERROR: None}.get(policy.not_found, policy.not_found)
    return found


def three_outcomes(frame: pd.DataFrame, policy: Policy, half_widths: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Shares of the three outcomes below and above the limit, of several bands, each in place of the buffer.

    Parameters
    ----------
    frame : DataFrame
        As :func:`age_audit.audit.gate.rates.gate_rates`.
    policy : Policy
    half_widths : mapping of str to ndarray of float, shape (N,)
        Such as of :func:`widths`.

    Returns
    -------
    DataFrame
        A row for each band, ages and outcome. Columns: ``band`` (its name), ``median_width`` (years either side, of
        the faces found), ``ages`` (those of :func:`age_audit.audit.gate.rates.bands` without buffer, and ``"all"``),
        ``outcome``, ``n``, ``faces``, ``share`` with ``low`` and ``high``, ``few_faces``; no numbers of fewer than ten
        faces.

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Examples
    --------
    >>> faces = pd.DataFrame({"age_real": [16] * 10, "age_estimation": [10] * 2 + [16] * 3 + [20] * 4 + [30]})
    >>> table = three_outcomes(faces, Policy(age=18), {"± 5 years": np.full(10, 5.0)})
    >>> table.loc[table["ages"] == "13–17", ["band", "outcome", "n", "share"]]
            band             outcome   n  share
    0  ± 5 years                pass  10    0.1
    1  ± 5 years  ask for a document  10    0.7
    2  ± 5 years              refuse  10    0.2
    """
    require_columns(frame, ("age_real", "age_estimation"))
    everyone, policy = Ages("", "all", 0, OLDEST), replace(policy, buffer=0)
    asked = [(ages.label, within(frame, ages)) for ages in (*bands(policy), everyone)]
    there, rows = frame["age_estimation"].notna().to_numpy(), []
    for band, width in half_widths.items():
        found = outcomes(frame, policy, width)
        known = there & ~np.isnan(width)
        median = float(np.median(width[known])) if known.any() else np.nan
        for label, inside in asked:
            of = inside & (found != None)  # noqa: E711 - of each
            rows += [
                {"band": band, "median_width": median, "ages": label, "outcome": outcome, "n": int(of.sum())}
                | {"faces": int((found[of] == outcome).sum())}
                for outcome in OUTCOMES
            ]
    return shown_shares(pd.DataFrame(rows, columns=["band", "median_width", "ages", "outcome", "n", "faces"]))
