"""False passes and false refusals at every estimate that could be asked for, and the buffer that keeps children out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import scipy

from age_audit.audit.gate.rates import FALSE_PASS, Ages, bands, gate_rates, passed, shown_shares, within
from age_audit.core.groups import cluster_codes, feature_names, groups_of, require_columns
from age_audit.core.policy import PASS, Policy
from age_audit.core.randomness import CONFIDENCE
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.clustered import effective_sizes

THRESHOLDS = tuple(np.arange(5, 60.5, 0.5).tolist())  # years
TARGETS = (0.01, 0.05)  # false pass rates that a buffer is asked to hold
MOST = 60  # years: no larger buffer is looked for
AS_FOUND, SURELY = "as found", "upper end of its interval"


def gate_curves(
    frame: pd.DataFrame,
    policy: Policy,
    features: str | Sequence[str] = (),
    with_all: Sequence[str] = (),
    thresholds: Sequence[float] = THRESHOLDS,
    clusters: str | None = None,
) -> pd.DataFrame:
    """Rates at every threshold, the age limit staying what it is: what a slider moves through.

    Parameters
    ----------
    frame, features, with_all
        As :func:`age_audit.audit.gate.rates.gate_rates`.
    policy : Policy
        Its age is the limit; its buffer does not count.
    thresholds : sequence of float
        Estimates, in years, from which on somebody passes.
    clusters : str, optional
        As :func:`age_audit.audit.gate.rates.gate_rates`.

    Returns
    -------
    DataFrame
        A row for each group, ages of :func:`age_audit.audit.gate.rates.bands` and threshold. Columns: the features,
        ``rate``, ``ages``, ``threshold`` (years), ``n``, ``faces``, ``share`` with Wilson's 95 % interval ``low`` and
        ``high`` (one threshold at a time, not of the whole curve), ``few_faces``; no numbers of fewer than ten faces.

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Examples
    --------
    >>> faces = pd.DataFrame({"age_real": [16] * 10 + [30] * 10, "age_estimation": range(10, 30)})
    >>> curves = gate_curves(faces, Policy(age=18), thresholds=[18, 25])
    >>> curves.loc[curves["ages"].isin(["13–17", "18 and over"]), ["rate", "threshold", "n", "share"]]
                rate  threshold   n  share
    0     false pass         18  10    0.2
    1     false pass         25  10    0.0
    6  false refusal         18  10    0.0
    7  false refusal         25  10    0.5
    """
    features = feature_names(features)
    require_columns(frame, ("age_real", "age_estimation", *features))
    parts = []
    for labels, inside in groups_of(frame, features, with_all):
        for ages in bands(replace(policy, buffer=0)):
            counts = _counts(frame, policy, inside & within(frame, ages), ages, thresholds, clusters)
            names = labels | {"rate": ages.rate, "ages": ages.label}
            parts.append(pd.DataFrame(counts).assign(**names, threshold=list(thresholds)))
    columns = [*features, "rate", "ages", "threshold", "n", "faces"]
    if not parts:
        return shown_shares(pd.DataFrame(columns=columns))
    table = pd.concat(parts, ignore_index=True)
    return shown_shares(table[[*columns, *table.columns.difference(columns)]])


def _counts(
    frame: pd.DataFrame,
    policy: Policy,
    inside: np.ndarray,
    ages: Ages,
    thresholds: Sequence[float],
    clusters: str | None = None,
) -> dict:
    """Faces of these ages, how many are passed, or refused, falsely at each threshold, and what these count for."""
    of = inside & ~np.isnan(passed(frame, policy))
    lost = np.inf if policy.not_found == PASS else -np.inf
    estimates = frame["age_estimation"].fillna(lost).to_numpy(dtype=float)[of]
    refused = np.searchsorted(np.sort(estimates), thresholds, side="left")
    counts = {"n": len(estimates), "faces": len(estimates) - refused if ages.rate == FALSE_PASS else refused}
    if clusters is None:
        return counts
    below = estimates < np.asarray(thresholds)[:, np.newaxis]
    return counts | {"n_effective": effective_sizes(below, cluster_codes(frame, clusters)[of])}


def faces_needed(target: float, confidence: float = CONFIDENCE) -> int:
    """Faces of which none may pass for the upper end of Wilson's interval to be at the target or below.

    Examples
    --------
    >>> faces_needed(0.01), faces_needed(0.05)
    (381, 73)
    """
    z = scipy.stats.norm.ppf((1 + confidence) / 2)
    return int(np.ceil(z**2 * (1 - target) / target))


def buffers_needed(
    frame: pd.DataFrame,
    policy: Policy,
    features: str | Sequence[str] = (),
    targets: Sequence[float] = TARGETS,
    least: int = FEW_FACES,
    clusters: str | None = None,
) -> pd.DataFrame:
    """The smallest buffer, in whole years, that holds every group's false passes at a target, and what it costs.

    Asked of faces in the five years below the limit: of the rate as it is found, and of the upper end of Wilson's
    interval, which the true rate of any one group exceeds with a chance of 2.5 %. Few faces cannot make sure: see
    :func:`faces_needed`.

    Parameters
    ----------
    frame : DataFrame
        As :func:`age_audit.audit.gate.rates.gate_rates`.
    policy : Policy
        Its buffer does not count.
    features : str or sequence of str
        Columns; several make groups of their combinations. Without any, all faces are the one group.
    targets : sequence of float
        False pass rates, between 0 and 1.
    least : int
        Faces below the limit that a group has to have.
    clusters : str, optional
        As :func:`age_audit.audit.gate.rates.gate_rates`.

    Returns
    -------
    DataFrame
        A row for each target and criterion. Columns: ``target``; ``held_by`` (``"as found"``, ``"upper end of its
        interval"``); ``groups`` compared and ``left_out`` by name; ``n_needed`` faces of the group for the latter;
        ``buffer`` in years, NaN where none up to 60 years does; at that buffer ``worst_group``, its ``n``, ``share``,
        ``low`` and ``high``; then ``refused`` with ``refused_low`` and ``refused_high``, the share of all who are old
        enough, ``refused_near`` with its ends of those in the five years above the limit, and
        ``most_refused_group`` with ``most_refused``, that of all who are old enough in the group where it is largest.

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Examples
    --------
    >>> young, old = pd.DataFrame({"age_real": [16] * 100}), pd.DataFrame({"age_real": [30] * 100})
    >>> young["age_estimation"], old["age_estimation"] = [15] * 96 + [20] * 4, [19] * 30 + [32] * 70
    >>> faces = pd.concat([young, old])
    >>> table = buffers_needed(faces, Policy(age=18))
    >>> table[["target", "held_by", "buffer", "n", "share", "refused"]]
       target                    held_by  buffer      n  share  refused
    0    0.01                   as found     3.0  100.0   0.00      0.3
    1    0.01  upper end of its interval     NaN    NaN    NaN      NaN
    2    0.05                   as found     0.0  100.0   0.04      0.0
    3    0.05  upper end of its interval     3.0  100.0   0.00      0.3
    """
    features = feature_names(features)
    require_columns(frame, ("age_real", "age_estimation", *features))
    below = bands(replace(policy, buffer=0))[0]
    groups = {" / ".join(map(str, labels.values())): inside for labels, inside in groups_of(frame, features)}
    steps = np.arange(MOST + 1)
    curves = {name: _false_passes(frame, policy, inside, below, steps, clusters) for name, inside in groups.items()}
    kept = {name: curve for name, curve in curves.items() if curve["n"].iloc[0] >= least}
    rows = []
    for target in targets:
        for held_by, column in ((AS_FOUND, "share"), (SURELY, "high")):
            row = {"target": target, "held_by": held_by, "groups": len(kept), "n_needed": faces_needed(target)}
            row["left_out"] = ", ".join(name for name in groups if name not in kept)
            row |= dict.fromkeys(_BUFFER_COLUMNS[5:], np.nan) | {"worst_group": "", "most_refused_group": ""}
            rows.append(row | _at_smallest(frame, policy, groups, kept, column, target, clusters))
    return pd.DataFrame(rows, columns=_BUFFER_COLUMNS)


_BUFFER_COLUMNS = [
    *("target", "held_by", "groups", "left_out", "n_needed", "buffer", "worst_group", "n", "share", "low", "high"),
    *("refused", "refused_low", "refused_high", "refused_near", "refused_near_low", "refused_near_high"),
    *("most_refused_group", "most_refused"),
]


def _false_passes(frame, policy, inside, below, steps, clusters) -> pd.DataFrame:
    inside = inside & within(frame, below)
    return shown_shares(pd.DataFrame(_counts(frame, policy, inside, below, policy.age + steps, clusters)))


def _at_smallest(frame, policy, groups, curves, column, target, clusters) -> dict:
    """What the smallest buffer that does costs; nothing where none does."""
    if not curves:
        return {}
    worst = np.max([curve[column] for curve in curves.values()], axis=0)
    if not (worst <= target).any():
        return {}
    buffer = int(np.argmax(worst <= target))
    name = max(curves, key=lambda name: curves[name][column].iloc[buffer])
    row = {"buffer": buffer, "worst_group": name} | curves[name].iloc[buffer][["n", "share", "low", "high"]].to_dict()
    at = replace(policy, buffer=buffer)
    for title, ages in (("refused", bands(at)[3]), ("refused_near", bands(at)[2])):
        (found,) = gate_rates(frame, at, ages=[ages], clusters=clusters).to_dict("records")
        row |= {title: found["share"], f"{title}_low": found["low"], f"{title}_high": found["high"]}
    of_groups = dict(_refused(frame, at, {name: groups[name] for name in curves}))
    most = max(of_groups, key=of_groups.get, default="")
    return row | {"most_refused_group": most, "most_refused": of_groups.get(most, np.nan)}


def _refused(frame: pd.DataFrame, policy: Policy, groups: dict[str, np.ndarray]) -> Iterator[tuple[str, float]]:
    for name, inside in groups.items():
        (found,) = gate_rates(frame[inside], policy, ages=[bands(policy)[3]]).to_dict("records")
        if not np.isnan(found["share"]):
            yield name, found["share"]
