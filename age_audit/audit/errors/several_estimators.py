"""What several estimators say of the same faces: which is nearer, and where all of them contradict the label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from age_audit.audit.errors.baselines import ONE_AGE
from age_audit.core.groups import BOUNDS, real_ages, require_columns
from age_audit.core.metrics import absolute_error, signed_error
from age_audit.core.randomness import Resampling
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.correlations import fisher_interval, pearson_r
from age_audit.stats.proportions import share_columns
from age_audit.stats.resampling import combination_interval

YEARS = range(21)
LEAST = 0.5  # of the first one's faces, or the others would be scored on few
# What a frame of predictions has of the estimator; all else is of the label.
OWN = [
    *("age_estimation", "age_spread", "age_estimation_accuracy", "signed_error", "absolute_error"),
    "probability_female",
]
_AGREEMENT = [
    *("estimator", "other", "n", "difference", "low", "high", "share_within_5"),
    *("r_estimates", "r_errors", "r_errors_within_years", "r_low", "r_high", "n_within_years", "pairs"),
]
FOLLOWS = 0.8  # correlation with the labels from which on an estimator may contradict one
AGREE, FAR = 5, 20  # years within which estimators agree, and from which on a label is far from them


def cumulative_scores(frames: Mapping[str, pd.DataFrame], years: Sequence[float] = YEARS) -> pd.DataFrame:
    """Shares of faces within so many years of their real age, of each estimator and of a guess that sees no face.

    All are scored on the faces that all have in common, with one and the same real age in all. An estimator that has
    less than half of the faces of the first one is left out, or the others would be scored on few.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        By estimator, one row a face: ``fname``, ``age_real`` and ``age_estimation`` (years).
    years : sequence of float
        0 or more.

    Returns
    -------
    DataFrame
        One row for each estimator and number of years, and for the guess: the age nearest to all faces, their median.
        Columns: ``estimator``, ``years``, ``n``, ``share`` (0-1) with Wilson's interval ``low`` and ``high``. Of an
        estimator that is left out ``n`` counts the faces that it shares with the first, and the shares are NaN.

    Raises
    ------
    UsageError
        If a frame lacks a column.

    Examples
    --------
    >>> near = pd.DataFrame({"fname": ["a", "b", "c"], "age_real": [10, 30, 60], "age_estimation": [12, 31, 52]})
    >>> far = near.assign(age_estimation=[20, 34, 40])
    >>> cumulative_scores({"near": near, "far": far}, [5])[["estimator", "years", "n", "share"]].round(2)
                     estimator  years  n  share
    0                     near      5  3   0.67
    1                      far      5  3   0.33
    2  median age of all faces      5  3   0.33
    """
    scored = {name: _scored(frame) for name, frame in frames.items()}
    common, shared, left_out = _common(scored)
    ages = next(iter(scored.values())).loc[common, ["lowest", "highest"]]
    errors = {name: frame.loc[common, "error"] for name, frame in scored.items() if name not in left_out}
    guess = np.full(len(ages), np.median(ages) if len(ages) else np.nan)
    errors[ONE_AGE] = absolute_error(guess, ages["lowest"], ages["highest"])
    rows = [(name, year, len(common), int((error <= year).sum())) for name, error in errors.items() for year in years]
    table = pd.DataFrame(rows, columns=["estimator", "years", "n", "faces"])
    table = table.assign(**share_columns(table["faces"], table["n"])).drop(columns="faces")
    nothing = pd.DataFrame([(name, year, len(shared[name])) for name in left_out for year in years])
    return pd.concat([table, nothing.set_axis(["estimator", "years", "n"], axis=1)]) if left_out else table


def in_common(frames: Mapping[str, pd.DataFrame], least: float = LEAST) -> dict[str, pd.DataFrame]:
    """The frames with only those faces that all have in common, with one and the same age, in the order of the first.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        As :func:`cumulative_scores`.
    least : float
        The share (0-1) of the first one's faces that an estimator has to have, or it is left out; 0 leaves none out.

    Returns
    -------
    dict of str to DataFrame
        What an estimator says of a face is its own (:data:`OWN`); labels are the first one's in all.

    Examples
    --------
    >>> one = pd.DataFrame({"fname": ["a", "b", "c"], "age_real": [10, 30, 60], "age_estimation": [12, 31, 52]})
    >>> two = one.iloc[::-1].assign(age_estimation=[58, None, 11])
    >>> {name: list(frame["fname"]) for name, frame in in_common({"one": one, "two": two}).items()}
    {'one': ['a', 'c'], 'two': ['a', 'c']}
    """
    common, _, left_out = _common({name: _scored(frame) for name, frame in frames.items()}, least)
    kept = {name: frame.set_index("fname").loc[common] for name, frame in frames.items() if name not in left_out}
    labels = next(iter(kept.values())).drop(columns=OWN, errors="ignore")
    return {
        name: labels.join(frame[frame.columns.intersection(OWN)]).rename_axis("fname").reset_index()
        for name, frame in kept.items()
    }


def agreement(frames: Mapping[str, pd.DataFrame], *, resampling: Resampling) -> pd.DataFrame:
    """How alike two estimators answer, face by face, and how alike they err.

    Two estimators that follow age agree for that alone. What they err by has no age in it but for what all estimators
    share, such as old faces taken for younger; so errors are correlated as they are, and within years of age (the mean
    error of each year taken off).

    Parameters
    ----------
    frames : mapping of str to DataFrame
        As :func:`cumulative_scores`, of the same faces: see :func:`in_common`.
    resampling : Resampling
        How intervals are drawn.

    Returns
    -------
    DataFrame
        One row a pair. Columns: ``estimator``, ``other``, ``n``; ``difference``, how many years their estimates are
        apart on average, with its bootstrap interval ``low`` and ``high``; ``share_within_5`` (0-1); Pearson's
        ``r_estimates``, ``r_errors`` and ``r_errors_within_years`` (NaN where nothing varies); the last is of the
        ``n_within_years`` faces that share their age with another one, with Fisher's interval ``r_low`` and ``r_high``
        for the faces left when each year has its mean taken off, and NaN under 30; ``pairs`` of estimators in all.

    Examples
    --------
    >>> one = pd.DataFrame({"fname": list("abcd"), "age_real": [9, 9, 50, 50], "age_estimation": [9, 12, 41, 44]})
    >>> two = one.assign(age_estimation=[12, 15, 41, 48])
    >>> table = agreement({"one": one, "two": two}, resampling=Resampling(seed=1))
    >>> table[["n", "difference", "share_within_5", "r_errors"]].round(2)
       n  difference  share_within_5  r_errors
    0  4         2.5             1.0      0.97
    """
    rows = []
    for (name, one), (other, two) in combinations(frames.items(), 2):
        apart = np.abs(one["age_estimation"] - two["age_estimation"]).to_numpy(dtype=float)
        lowest, highest = real_ages(one)
        errors = pd.DataFrame(
            {end: signed_error(frame["age_estimation"], lowest, highest) for end, frame in ((1, one), (2, two))}
        )
        years = errors.groupby([lowest, highest])
        within = (errors - years.transform("mean"))[years[1].transform("size") > 1]
        freedom = len(within) - within.groupby([lowest[within.index], highest[within.index]]).ngroups + 1
        r = pearson_r(within[1], within[2]) if len(within) >= FEW_FACES else np.nan
        r_low, r_high = (end.item() for end in fisher_interval(r, freedom))
        found = combination_interval([apart[None]], [1], **resampling.for_intervals(apart.tobytes()))
        row = {"estimator": name, "other": other, "n": len(apart), "difference": found.value.item()}
        row |= {
            "low": found.low.item(),
            "high": found.high.item(),
            "share_within_5": (apart <= AGREE).mean() if len(apart) else np.nan,
        }
        row["r_estimates"] = pearson_r(one["age_estimation"], two["age_estimation"])
        row |= {"r_errors": pearson_r(errors[1], errors[2]), "r_errors_within_years": r, "n_within_years": len(within)}
        row |= {"r_low": r_low, "r_high": r_high, "pairs": len(frames) * (len(frames) - 1) // 2}
        rows.append(row)
    return pd.DataFrame(rows, columns=_AGREEMENT)


def _common(
    scored: Mapping[str, pd.DataFrame], least: float = LEAST
) -> tuple[pd.Index, dict[str, pd.Index], list[str]]:
    """Names of the faces that all have, of those that each other one has of the first's, and who is left out."""
    first, *others = scored
    shared = {name: _agreeing(scored[first], scored[name]) for name in others}
    left_out = [name for name in others if len(shared[name]) < least * len(scored[first])]
    common = scored[first].index
    for name in shared.keys() - left_out:
        common = common.intersection(shared[name])
    return common, shared, left_out


def _scored(frame: pd.DataFrame) -> pd.DataFrame:
    """Error, and lowest and highest real age, by file name, of the faces that have both ages."""
    require_columns(frame, ("fname", "age_real", "age_estimation"))
    lowest, highest = real_ages(frame)
    error = absolute_error(frame["age_estimation"], lowest, highest)
    table = pd.DataFrame({"error": error, "lowest": lowest, "highest": highest}, index=frame["fname"])
    return table[np.isfinite(error)]


def _agreeing(first: pd.DataFrame, other: pd.DataFrame) -> pd.Index:
    """The faces that both have, with the same label."""
    common = first.index.intersection(other.index)
    ages = ["lowest", "highest"]
    return common[(first.loc[common, ages] == other.loc[common, ages]).all(axis=1)]


def label_doubts(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Faces whose label may be wrong: all estimators agree within 5 years, and are 20 years or more from the label.

    That they agree does not prove the label wrong: estimators learn from similar pictures, and err alike.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        As :func:`cumulative_scores`; the labels are those of the first.

    Returns
    -------
    DataFrame
        One row for each face of the first, by ``fname``: ``estimators`` that have it, their ``lowest_estimate`` and
        ``highest_estimate`` (years), and ``label_doubt`` (False where there are fewer than two).

    Examples
    --------
    >>> one = pd.DataFrame({"fname": ["a", "b"], "age_real": [60, 60], "age_estimation": [21, 35]})
    >>> two = one.assign(age_estimation=[24, 58])
    >>> label_doubts({"one": one, "two": two})
           estimators  lowest_estimate  highest_estimate  label_doubt
    fname
    a               2               21                24         True
    b               2               35                58        False
    """
    first = next(iter(frames.values())).set_index("fname")
    for frame in frames.values():
        require_columns(frame, ("fname", "age_real", "age_estimation"))
    columns = {name: frame.set_index("fname")["age_estimation"] for name, frame in frames.items()}
    estimates = pd.DataFrame(columns).reindex(first.index)
    answers, low, high = estimates.count(axis=1), estimates.min(axis=1), estimates.max(axis=1)
    nearest = np.minimum(*(absolute_error(end, *real_ages(first)) for end in (low, high)))
    doubt = (answers >= 2) & (high - low <= AGREE) & (nearest >= FAR)
    table = {"estimators": answers, "lowest_estimate": low, "highest_estimate": high, "label_doubt": doubt}
    return pd.DataFrame(table)


def follows_age(frame: pd.DataFrame) -> bool:
    """Whether estimates correlate with the labels by 0.8 or more; one that does not says little about single labels.

    Parameters
    ----------
    frame : DataFrame
        As :func:`cumulative_scores`.

    Examples
    --------
    >>> frame = pd.DataFrame({"fname": ["a", "b", "c"], "age_real": [10, 30, 60], "age_estimation": [12, 31, 52]})
    >>> follows_age(frame), follows_age(frame.assign(age_estimation=[40, 30, 20]))
    (True, False)
    """
    require_columns(frame, ("fname", "age_real", "age_estimation"))
    lowest, highest = real_ages(frame)
    return bool(pearson_r((lowest + highest) / 2, frame["age_estimation"]) >= FOLLOWS)


def worst_faces(frames: Mapping[str, pd.DataFrame], features: Sequence[str] = (), count: int = 20) -> pd.DataFrame:
    """The faces that the first estimator is furthest from, by file name, and whether their labels are in doubt.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        As :func:`label_doubts`.
    features : sequence of str
        Columns of the first that are shown, such as race and gender.
    count : int
        Faces at most.

    Returns
    -------
    DataFrame
        The largest error first, of equal ones by file name. Columns: ``fname``, ``age_real`` (or
        ``age_real_low`` and ``age_real_high`` beside it), ``age_estimation``, ``signed_error`` (years), the features,
        and those of :func:`label_doubts`.

    Raises
    ------
    UsageError
        If a frame lacks a column.

    Examples
    --------
    >>> one = pd.DataFrame({"fname": ["a", "b", "c"], "age_real": [60, 60, 5], "age_estimation": [21, 35, 6]})
    >>> two = one.assign(age_estimation=[24, 58, 7])
    >>> worst_faces({"one": one, "two": two}, count=2)[["fname", "age_real", "signed_error", "label_doubt"]]
      fname  age_real  signed_error  label_doubt
    0     a        60         -39.0         True
    1     b        60         -25.0        False
    """
    doubts = label_doubts(frames)
    first = next(iter(frames.values()))
    require_columns(first, features)
    ages = [column for column in ("age_real", *BOUNDS) if column in first]
    errors = signed_error(first["age_estimation"], *real_ages(first))
    table = first[["fname", *ages, "age_estimation"]].assign(signed_error=errors)
    table = table.join(first[list(features)]).join(doubts, on="fname")
    worst = (
        table.assign(size=np.abs(errors)).dropna(subset="size").sort_values(["size", "fname"], ascending=[False, True])
    )
    return worst.drop(columns="size").head(count).reset_index(drop=True)
