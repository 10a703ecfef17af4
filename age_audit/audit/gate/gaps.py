"""For whom a gate errs more: each group beside all others, and the two furthest apart, as they are and age-adjusted.

Groups differ in their ages, and who is nearer to an age limit is more often taken for older. Age-adjusted rates give
both sides of a comparison the same years of age (direct standardisation), pooled until each side has ten faces in
each; see :mod:`age_audit.audit.errors.equal_ages`. Intervals draw whole clusters of copies anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from age_audit.audit.errors.gender import AS_THEY_ARE, AT_EQUAL_AGES
from age_audit.audit.errors.strata import LEAST, TOLERANCE, Strata, pooled, runs_of
from age_audit.audit.gate.rates import FALSE_PASS, Ages, bands, passed, within
from age_audit.core.groups import feature_names, groups_of, real_ages, require_columns
from age_audit.core.policy import Policy
from age_audit.core.randomness import Resampling
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.clustered import draws_of_shares
from age_audit.stats.proportions import wilson_interval

_YEAR = "year of age"
_TOLERATED = {AS_THEY_ARE: np.inf, AT_EQUAL_AGES: TOLERANCE}  # years by which mean ages may differ


def gate_gaps(
    frame: pd.DataFrame,
    policy: Policy,
    features: str | Sequence[str],
    *,
    resampling: Resampling,
    clusters: str | None = None,
    least: int = LEAST,
) -> pd.DataFrame:
    """Each group's rates beside those of all other faces: difference and ratio, as they are and age-adjusted.

    Parameters
    ----------
    frame, policy
        As :func:`age_audit.audit.gate.rates.gate_rates`.
    features : str or sequence of str
        Columns; several make groups of their combinations. Faces without a label are in no group.
    resampling : Resampling
        How intervals are drawn.
    clusters : str, optional
        Column that says which faces are copies of each other.
    least : int
        Faces of either side.

    Returns
    -------
    DataFrame
        A row for each of :func:`age_audit.audit.gate.rates.bands`, ``adjustment`` (``"as they are"``, ``"at equal
        ages"``) and ``group``. Columns: ``rate``, ``ages``, ``n_group`` and ``n_other`` faces, their ``share`` and
        ``other_share`` (0-1), ``difference`` with ``difference_low`` and ``difference_high``, ``ratio`` of the two with
        its ends (of shares above 0 only; an end without bound is NaN), ``strata`` (years, pooled) and ``age_gap``, the
        difference of mean ages that is left, in years, and ``few_faces`` (a side below 30). No shares where a side has
        fewer than ``least`` faces, or where mean ages at equal ages still differ by more than a year.

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Examples
    --------
    >>> faces = pd.DataFrame({"age_real": [16] * 80, "gender_real": ["Female", "Male"] * 40})
    >>> faces["age_estimation"] = [20, 15] * 20 + [15, 15] * 20
    >>> table = gate_gaps(faces, Policy(age=18), "gender_real", resampling=Resampling(seed=1))
    >>> table.loc[table["ages"] == "13–17", ["adjustment", "group", "n_group", "share", "difference"]]
          adjustment   group  n_group  share  difference
    0    as they are  Female       40    0.5         0.5
    1    as they are    Male       40    0.0        -0.5
    2  at equal ages  Female       40    0.5         0.5
    3  at equal ages    Male       40    0.0        -0.5
    """
    frame, groups = _grouped(frame, features, clusters)
    labelled = np.logical_or.reduce(list(groups.values())) if groups else np.zeros(len(frame), dtype=bool)
    rows = []
    for ages in bands(policy):
        of, yes = _asked(frame, policy, ages)
        for adjustment in (AS_THEY_ARE, AT_EQUAL_AGES):
            for name, inside in groups.items():
                sides = [of & inside, of & labelled & ~inside]
                row = {"rate": ages.rate, "ages": ages.label, "adjustment": adjustment, "group": name}
                row |= {"n_group": int(sides[0].sum()), "n_other": int(sides[1].sum())}
                row |= dict.fromkeys(_GAP_COLUMNS[6:-1], np.nan)
                found = _pair(frame, yes, sides, adjustment, clusters, least, resampling)
                rows.append(row | found | {"few_faces": min(row["n_group"], row["n_other"]) < FEW_FACES})
    return pd.DataFrame(rows, columns=_GAP_COLUMNS)


_ENDS = ("difference", "difference_low", "difference_high", "ratio", "ratio_low", "ratio_high")
_GAP_COLUMNS = [
    *("rate", "ages", "adjustment", "group", "n_group", "n_other", "share", "other_share"),
    *(*_ENDS, "strata", "age_gap", "few_faces"),
]


def worst_groups(
    frame: pd.DataFrame,
    policy: Policy,
    features: str | Sequence[str],
    *,
    resampling: Resampling,
    clusters: str | None = None,
    least: int = FEW_FACES,
) -> pd.DataFrame:
    """The group with the highest rate and that with the lowest, and how far they are apart.

    Of several groups two are furthest apart though all are alike: ``by_chance`` says by how much on average, and the
    interval of the gap allows for the choice, as :func:`age_audit.stats.proportions.largest_gap` does. That of the
    ratio does not: it is of two groups, chosen for their gap.

    Parameters
    ----------
    frame, policy, features, resampling, clusters
        As :func:`gate_gaps`.
    least : int
        Faces that a group has to have: with fewer, chance decides which groups are furthest apart.

    Returns
    -------
    DataFrame
        A row for each of the bands and ``adjustment``. Columns: ``rate``, ``ages``, ``adjustment``, ``groups``
        compared, ``left_out`` by name, ``n`` faces; ``highest_group``, its ``highest_n`` faces and rate ``highest``
        with ``highest_low`` and ``highest_high`` (Wilson's, as they are only); the same of ``lowest``; ``gap`` with
        ``gap_low`` and ``gap_high``, ``by_chance``; ``ratio`` with its ends; ``strata`` and ``age_gap``, the largest
        difference of mean ages left. NaN as in :func:`gate_gaps`, or with fewer than two groups.

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Examples
    --------
    >>> faces = pd.DataFrame({"age_real": [16] * 80, "gender_real": ["Female", "Male"] * 40})
    >>> faces["age_estimation"] = [20, 15] * 20 + [15, 20] * 5 + [15, 15] * 15
    >>> table = worst_groups(faces, Policy(age=18), "gender_real", resampling=Resampling(seed=1))
    >>> table.loc[[0], ["highest_group", "highest", "lowest_group", "lowest", "gap", "ratio"]]
      highest_group  highest lowest_group  lowest    gap  ratio
    0        Female      0.5         Male   0.125  0.375    4.0
    """
    frame, groups = _grouped(frame, features, clusters)
    rows = []
    for ages in bands(policy):
        of, yes = _asked(frame, policy, ages)
        sides = {name: of & inside for name, inside in groups.items() if (of & inside).sum() >= least}
        left_out = ", ".join(name for name in groups if name not in sides)
        for adjustment in (AS_THEY_ARE, AT_EQUAL_AGES):
            row = {"rate": ages.rate, "ages": ages.label, "adjustment": adjustment, "groups": len(sides)}
            row |= {"left_out": left_out, "n": int(sum(side.sum() for side in sides.values()))}
            row |= dict.fromkeys(_WORST_COLUMNS[6:], np.nan) | {"highest_group": "", "lowest_group": ""}
            rows.append(row | _furthest(frame, yes, sides, adjustment, clusters, resampling))
    return pd.DataFrame(rows, columns=_WORST_COLUMNS)


_OF_GROUP = ("{0}_group", "{0}_n", "{0}", "{0}_low", "{0}_high")
_WORST_COLUMNS = [
    *("rate", "ages", "adjustment", "groups", "left_out", "n"),
    *(name.format(end) for end in ("highest", "lowest") for name in _OF_GROUP),
    *("gap", "gap_low", "gap_high", "by_chance", "ratio", "ratio_low", "ratio_high", "strata", "age_gap"),
]


def _grouped(frame, features, clusters) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """The frame with a column of completed years, and the groups by name."""
    features = feature_names(features)
    require_columns(frame, ("age_real", "age_estimation", *features, *[clusters] * bool(clusters)))
    frame = frame.assign(**{_YEAR: np.floor(np.mean(real_ages(frame), axis=0))})
    groups = {" / ".join(map(str, labels.values())): inside for labels, inside in groups_of(frame, features)}
    return frame, groups


def _asked(frame: pd.DataFrame, policy: Policy, ages: Ages) -> tuple[np.ndarray, np.ndarray]:
    """Faces of these ages that count, and which of them the gate errs about."""
    through = passed(frame, policy)
    return within(frame, ages) & ~np.isnan(through), through == (ages.rate == FALSE_PASS)


def _strata(frame: pd.DataFrame, sides: Sequence[np.ndarray], adjustment: str, least: int) -> Strata:
    """Years of age, pooled until every side has enough faces in each; or all faces as one stratum."""
    everyone = np.logical_or.reduce(sides)
    if adjustment == AT_EQUAL_AGES:
        return pooled(runs_of(frame, [_YEAR], everyone), everyone, sides, LEAST)
    smallest = min(int(side.sum()) for side in sides)
    return Strata([everyone], everyone, smallest, smallest >= max(1, least))


def _standardised(frame, yes, sides, strata, clusters, resampling) -> tuple[np.ndarray, ...]:
    """Shares of the sides in equal strata, and in samples what they scatter around and how; and their mean ages."""
    cells = [side & mask for side in sides for mask in strata.masks]
    weights, shape = np.array(strata.shares), (len(sides), len(strata.masks))
    options = resampling.for_intervals(np.stack(cells).tobytes())
    labels = None if clusters is None else frame[clusters].to_numpy()
    centre, drawn = draws_of_shares(
        yes, cells, rng=options["rng"], draws=options["draws"], clusters=labels, added=1 / len(strata.masks)
    )
    age = np.mean(real_ages(frame), axis=0)
    shares, ages = (np.array([values[cell].mean() for cell in cells]).reshape(shape) @ weights for values in (yes, age))
    return shares, centre.reshape(shape) @ weights, drawn.reshape(-1, *shape) @ weights, ages


def _pair(frame, yes, sides, adjustment, clusters, least, resampling) -> dict:
    """What a row of :func:`gate_gaps` says of two sides."""
    strata = _strata(frame, sides, adjustment, least)
    row = {"strata": len(strata.masks)}
    if min(side.sum() for side in sides) < least or not strata.enough:
        return row
    shares, centre, drawn, ages = _standardised(frame, yes, sides, strata, clusters, resampling)
    row["age_gap"] = ages[0] - ages[1]
    if abs(row["age_gap"]) > _TOLERATED[adjustment]:
        return row
    difference = shares[0] - shares[1]
    low, high = np.clip(difference + np.quantile((drawn - centre) @ [1, -1], _tails(resampling)), -1, 1)
    row |= {"share": shares[0], "other_share": shares[1], "difference": difference}
    return row | {"difference_low": low, "difference_high": high} | _ratio(shares, centre, drawn, resampling)


def _furthest(frame, yes, sides: Mapping[str, np.ndarray], adjustment, clusters, resampling) -> dict:
    """What a row of :func:`worst_groups` says of several sides."""
    if len(sides) < 2:
        return {}
    strata = _strata(frame, list(sides.values()), adjustment, LEAST)
    row = {"strata": len(strata.masks)}
    if not strata.enough:
        return row
    shares, centre, drawn, ages = _standardised(frame, yes, list(sides.values()), strata, clusters, resampling)
    row["age_gap"] = np.ptp(ages)
    if row["age_gap"] > _TOLERATED[adjustment]:
        return row
    names = list(sides)
    for end, place in (("highest", shares.argmax()), ("lowest", shares.argmin())):
        n = int((sides[names[place]] & strata.everyone).sum())
        low, high = wilson_interval(yes[sides[names[place]]].sum(), n) if adjustment == AS_THEY_ARE else (np.nan,) * 2
        row |= {f"{end}_group": names[place], f"{end}_n": n, end: shares[place], f"{end}_low": low, f"{end}_high": high}
    off = np.ptp(drawn - centre, axis=1)
    gap, half = np.ptp(shares), np.quantile(off, resampling.confidence)
    row |= {"gap": gap, "gap_low": max(0, gap - half), "gap_high": min(1, gap + half), "by_chance": off.mean()}
    pair = [shares.argmax(), shares.argmin()]
    return row | _ratio(shares[pair], centre[pair], drawn[:, pair], resampling)


def _tails(resampling: Resampling) -> list[float]:
    return [(1 - resampling.confidence) / 2, (1 + resampling.confidence) / 2]


def _ratio(shares: np.ndarray, centre: np.ndarray, drawn: np.ndarray, resampling: Resampling) -> dict:
    """Ratio of the first share to the second with its ends, on the scale of logarithms; NaN where one is 0."""
    if not shares.all():
        return dict.fromkeys(("ratio", "ratio_low", "ratio_high"), np.nan)
    ratio = shares[0] / shares[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = np.log(drawn / centre).T
        off = np.where(drawn.any(axis=1), first - second, 0.0)  # of two shares of 0 nothing is known
    low, high = ratio * np.exp(np.quantile(off, _tails(resampling), method="inverted_cdf"))
    return {"ratio": ratio, "ratio_low": low, "ratio_high": high if np.isfinite(high) else np.nan}
