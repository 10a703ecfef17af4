"""How much of a false pass rate could be labels: children who pass, or adults who were labelled as children?

Two answers, neither of which needs the other. Copies of a picture have one true age: where one is labelled below the
limit and another at or above it, one of the labels is wrong. And if labels are the true age plus normal noise, a label
below the limit belongs to somebody old enough with a chance that follows from the noise and from how many people of
each age there are; whatever the estimator says of them, so many of the false passes could be right, and no more.

Both speak of labels that err by themselves. Where labels were proposed by a model of the same kind as the one that is
judged, as UTKFace's were by DEX, children that it takes for adults may have been labelled as adults, and are missing
from the rate: it is too low then, by what nobody knows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy

from age_audit.audit.dataset.duplicates import pairs_of_copies
from age_audit.audit.gate.rates import FALSE_PASS, LEAST_SHOWN, Ages, bands, passed, within
from age_audit.core.errors import UsageError
from age_audit.core.groups import require_columns
from age_audit.core.policy import Policy
from age_audit.core.randomness import Resampling
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.proportions import ends_where_alike, wilson_interval
from age_audit.stats.resampling import combination_interval

SDS = (1.0, 2.0, 3.0, 4.0, 5.0)  # years
_COPIES = ("exact", "near", "all")


def chance_of_age(ages: np.ndarray, limit: int, sd: float) -> np.ndarray:
    """The chance that somebody labelled with an age is at least as old as the limit, under normal noise of labels.

    By Bayes' theorem: true ages are taken to be as frequent as labels are, in completed years.

    Parameters
    ----------
    ages : ndarray of float, shape (N,)
        Labels in years, finite.
    limit : int
        Years.
    sd : float
        Standard deviation of the noise, in years, above 0.

    Returns
    -------
    ndarray of float, shape (N,)
        0-1.

    Examples
    --------
    >>> chance_of_age(np.array([16.0, 17, 18, 19]), 18, 1.0).round(2)
    array([0.1 , 0.33, 0.67, 0.9 ])
    """
    years = np.floor(ages)
    there, which, counts = np.unique(years, return_inverse=True, return_counts=True)
    apart = there[None, :] - there[:, None]  # true age less label
    # Both are whole years: noise within half a year either way leaves the label at the true age.
    likely = counts * (scipy.stats.norm.cdf((apart + 0.5) / sd) - scipy.stats.norm.cdf((apart - 0.5) / sd))
    return (likely[:, there >= limit].sum(axis=1) / likely.sum(axis=1))[which]


def passes_under_noise(frame: pd.DataFrame, policy: Policy, sds: Sequence[float] = SDS) -> pd.DataFrame:
    """How many of those labelled below the limit who pass could be old enough, were the labels that noisy.

    The least and the most that children pass at are bounds: of those labelled as children a part is old enough; had all
    of that part passed, the rate of children is the least, had none of it, the most.

    Parameters
    ----------
    frame : DataFrame
        One row a face: ``age_real`` and ``age_estimation`` (years). Faces whose label is a range are left out.
    policy : Policy
    sds : sequence of float
        Standard deviations of the noise, in years, above 0.

    Returns
    -------
    DataFrame
        A row for each SD and each of the ages below the limit: the five years, and each of these years alone. Columns:
        ``noise_sd``, ``ages``, ``n``, ``share`` that passes (0-1) with Wilson's ``low`` and ``high``; ``old_enough``,
        the share labelled so that is expected to be at or above the limit; ``least`` and ``most``, between which the
        rate of those truly below it lies (of ``share``, as if that were exact); ``least_low``, the least at the lower
        end of the interval; ``could_be_labels``, the largest part of the passes that could be right; ``few_faces``.
        No bounds where fewer than ten faces are labelled in the five years from the limit on: the labels then do not
        say how many people of these ages there are, and none below the limit would seem to be one of them.

    Raises
    ------
    UsageError
        If the frame lacks a column, or a standard deviation is not above 0.

    Examples
    --------
    >>> faces = pd.DataFrame({"age_real": [16, 17, 18, 19] * 25, "age_estimation": [20, 15, 20, 20] * 25})
    >>> table = passes_under_noise(faces, Policy(age=18), [1])
    >>> table.loc[0, ["share", "old_enough", "least", "most", "could_be_labels"]].astype(float).round(2).tolist()
    [0.5, 0.21, 0.37, 0.63, 0.42]
    """
    require_columns(frame, ("age_real", "age_estimation"))
    if wrong := [sd for sd in sds if not 0 < sd < np.inf]:
        raise UsageError(f"expected standard deviations of labels above 0 years, got {wrong[0]}")
    frame = frame[frame["age_real"].notna()]
    through, (near, _, above, *_) = passed(frame, policy), bands(policy)
    older = within(frame, above).sum() >= LEAST_SHOWN
    asked = [near, *(Ages(FALSE_PASS, f"{year}", year, year) for year in range(near.low, near.high + 1))]
    rows = []
    for sd in sds:
        chance = chance_of_age(frame["age_real"].to_numpy(dtype=float), policy.age, sd)
        chance = chance if older else np.full(len(frame), np.nan)
        for ages in asked:
            inside = within(frame, ages) & ~np.isnan(through)
            rows.append({"noise_sd": float(sd), "ages": ages.label} | _bounds(through[inside], chance[inside]))
    return pd.DataFrame(rows)


def _bounds(through: np.ndarray, chance: np.ndarray) -> dict:
    n = len(through)
    row = {"n": n} | dict.fromkeys(("share", "low", "high", "old_enough", "least", "most"), np.nan)
    row |= {"least_low": np.nan, "could_be_labels": np.nan, "few_faces": n < FEW_FACES}
    if n < LEAST_SHOWN:
        return row
    share, adults = through.mean(), chance.mean()
    low, high = wilson_interval(through.sum(), n)
    row |= {"share": share, "low": low, "high": high}
    if np.isnan(adults):
        return row
    least, least_low = (max(0.0, (end - adults) / (1 - adults)) for end in (share, low))
    row |= {"old_enough": adults, "least": least, "least_low": least_low}
    row["most"] = min(1.0, share / (1 - adults))
    return row | {"could_be_labels": min(1.0, adults / share) if share else np.nan}


def labels_of_copies(frame: pd.DataFrame, policy: Policy, *, resampling: Resampling) -> pd.DataFrame:
    """How often a copy of a picture labelled below the limit is labelled at or above it.

    Every picture of a pair is asked about the other one. Copies that were removed before a data set was published, or
    whose labels were copied with them, say nothing here.

    Parameters
    ----------
    frame : DataFrame
        One row a picture: ``cluster``, ``pixels`` (equal for copies equal to the pixel) and ``age_real`` (years).
    policy : Policy
    resampling : Resampling
        How intervals are drawn: whole clusters at a time.

    Returns
    -------
    DataFrame
        A row for each kind of copies (``"exact"``, ``"near"``, ``"all"``), for pictures labelled in the five years
        below the limit. Columns: ``copies``, ``ages``, ``n`` pictures asked, once a copy; ``clusters``; ``faces`` whose
        copy is labelled at or above the limit, and their ``share`` (0-1) with ``low`` and ``high`` (of shares of 0 and
        1 Wilson's, of as many clusters); no interval of fewer than three clusters, no share of fewer than ten.

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Examples
    --------
    >>> frame = pd.DataFrame({"cluster": range(10), "pixels": list("abcdefghij"), "age_real": 16})
    >>> copies = frame.assign(age_real=[18] * 2 + [17] * 8)
    >>> table = labels_of_copies(pd.concat([frame, copies]), Policy(age=18), resampling=Resampling(seed=1))
    >>> table.loc[[0], ["copies", "n", "clusters", "faces"]]  # of 17 years eight are asked too
      copies   n  clusters  faces
    0  exact  18        10      2
    """
    require_columns(frame, ("cluster", "pixels", "age_real"))
    near, age = bands(policy)[0], frame["age_real"].to_numpy(dtype=float)
    pairs = pairs_of_copies(frame)
    both = pd.concat([pairs, pairs.rename(columns={"first": "second", "second": "first"})], ignore_index=True)
    both = both[within(frame, near)[both["first"]] & ~np.isnan(age[both["second"]])]
    older = np.floor(age[both["second"]]) >= policy.age
    rows = []
    for copies in _COPIES:
        chosen = np.full(len(both), True) if copies == "all" else (both["exact"] == (copies == "exact")).to_numpy(bool)
        yes, clusters = older[chosen].astype(float), both["cluster"].to_numpy()[chosen]
        options = resampling.for_intervals(f"labels of copies across {policy.age}, {copies}")
        found = combination_interval([yes[None]], [1], clusters=[clusters], **options)
        row = {"copies": copies, "ages": near.label, "n": len(yes), "clusters": len(np.unique(clusters))}
        low, high = ends_where_alike(found.value, found.low, found.high, row["clusters"], resampling.confidence)
        shares = {"share": found.value[0], "low": low[0], "high": high[0]}
        shares = shares if len(yes) >= LEAST_SHOWN else dict.fromkeys(shares, np.nan)
        rows.append(row | {"faces": int(yes.sum())} | shares)
    return pd.DataFrame(rows)
