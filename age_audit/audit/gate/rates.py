"""How many below an age limit pass by their estimate, and how many who are old enough are refused.

Somebody passes whose estimate is at least the limit and the buffer of the policy. A *false pass* is one of a face
labelled below the limit, a *false refusal* one of a face labelled at or above it that is refused, or asked for a
document. Faces that are not found count as the policy says.

A label is not an age: what noise in labels makes of these rates is in :mod:`age_audit.audit.gate.labels`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from age_audit.core.groups import cluster_codes, feature_names, groups_of, real_ages, require_columns
from age_audit.core.policy import NOT_FOUND, PASS, REFUSE, Policy
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.clustered import effective_sizes
from age_audit.stats.proportions import share_columns, wilson_interval

FALSE_PASS, FALSE_REFUSAL = "false pass", "false refusal"
LEAST_SHOWN = 10  # faces: a share of fewer is no number to show
NEAR = 5  # years below and above the limit, where errors are most
OLDEST = 200  # years: of nobody
_FURTHER = 10  # single years of age shown above the estimate that is asked for


@dataclass(frozen=True)
class Ages:
    """Ages on one side of a limit: ``low`` to ``high`` in completed years, both included."""

    rate: str
    label: str
    low: int
    high: int


def bands(policy: Policy) -> list[Ages]:
    """The ages of which rates are told: five years below the limit and above it, and all on either side.

    With a buffer also those who are old enough even with it.

    Examples
    --------
    >>> [ages.label for ages in bands(Policy("Challenge 25", 18, 7))]
    ['13–17', 'under 18', '18–22', '18 and over', '25 and over']
    """
    limit, near = policy.age, max(0, policy.age - NEAR)
    found = [
        Ages(FALSE_PASS, f"{near}–{limit - 1}", near, limit - 1),
        Ages(FALSE_PASS, f"under {limit}", 0, limit - 1),
        Ages(FALSE_REFUSAL, f"{limit}–{limit + NEAR - 1}", limit, limit + NEAR - 1),
        Ages(FALSE_REFUSAL, f"{limit} and over", limit, OLDEST),
    ]
    if policy.buffer:
        past = int(np.ceil(policy.ask_below))
        found.append(Ages(FALSE_REFUSAL, f"{past} and over", past, OLDEST))
    return found


def single_years(policy: Policy) -> list[Ages]:
    """Each year of age below the limit, and above it up to ten years past the estimate that is asked for.

    Examples
    --------
    >>> [(ages.label, ages.rate) for ages in single_years(Policy(age=18))[17:19]]
    [('17', 'false pass'), ('18', 'false refusal')]
    """
    years = range(int(np.ceil(policy.ask_below)) + _FURTHER)
    return [Ages(FALSE_PASS if year < policy.age else FALSE_REFUSAL, f"{year}", year, year) for year in years]


def passed(frame: pd.DataFrame, policy: Policy) -> np.ndarray:
    """Who passes: 1, or 0 for who is refused or asked for a document.

    Parameters
    ----------
    frame : DataFrame
        N rows with ``age_estimation`` (years), missing where no face was found.
    policy : Policy

    Returns
    -------
    ndarray of float, shape (N,)
        NaN for a face that is not found where the policy calls that an error.

    Examples
    --------
    >>> faces = pd.DataFrame({"age_estimation": [17.9, 25.0, None]})
    >>> passed(faces, Policy(age=18)), passed(faces, Policy(age=18, buffer=7.5, not_found="error"))
    (array([0., 1., 0.]), array([ 0.,  0., nan]))
    """
    require_columns(frame, ["age_estimation"])
    estimate = frame["age_estimation"].to_numpy(dtype=float)
    otherwise = {REFUSE: 0.0, PASS: 1.0}.get(policy.not_found, np.nan)
    return np.where(np.isnan(estimate), otherwise, estimate >= policy.ask_below)


def within(frame: pd.DataFrame, ages: Ages) -> np.ndarray:
    """Which faces are labelled with such an age, in completed years; of a label that is a range, all of it.

    Examples
    --------
    >>> faces = pd.DataFrame({"age_real": [17.5, 18, None], "age_real_low": [None, None, 13]})
    >>> within(faces.assign(age_real_high=[None, None, 17]), Ages("false pass", "13–17", 13, 17)).tolist()
    [True, False, True]
    """
    lowest, highest = (np.floor(end) for end in real_ages(frame))
    return (lowest >= ages.low) & (highest <= ages.high)


def gate_rates(
    frame: pd.DataFrame,
    policy: Policy,
    features: str | Sequence[str] = (),
    with_all: Sequence[str] = (),
    ages: Sequence[Ages] | None = None,
    clusters: str | None = None,
) -> pd.DataFrame:
    """False passes and false refusals by age, of every combination of the features' levels.

    Parameters
    ----------
    frame : DataFrame
        One row a face: ``age_real`` and ``age_estimation`` (years; missing where no face was found) and the features.
    policy : Policy
    features : str or sequence of str
        Columns; several make groups of their combinations. Without any, all faces.
    with_all : sequence of str
        As :func:`age_audit.core.groups.groups_of`.
    ages : sequence of Ages, optional
        :func:`bands` and :func:`single_years` of the policy by default.
    clusters : str, optional
        Column of what belongs together, such as copies of one picture; a face without one stands alone.

    Returns
    -------
    DataFrame
        A row for each group and ages. Columns: the features; ``rate`` (``"false pass"``, ``"false refusal"``),
        ``ages``, ``age_low`` and ``age_high`` (completed years, both included), ``n`` faces, ``n_not_found`` of them
        (where the policy calls that an error they are not in n), ``faces`` that are so and their ``share`` (0-1) with
        Wilson's 95 % interval ``low`` and ``high``; ``few_faces`` (n below 30). No numbers but n of fewer than ten
        faces: NaN. Wilson's interval takes faces for independent of each other, copies of a picture too; with
        ``clusters`` it is that of as many independent faces as say as much.

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Examples
    --------
    >>> faces = pd.DataFrame({"age_real": [16] * 10 + [30] * 20, "age_estimation": [15] * 6 + [19] * 23 + [None]})
    >>> table = gate_rates(faces, Policy(age=18), ages=bands(Policy(age=18)))
    >>> table[["rate", "ages", "n", "n_not_found", "faces", "share", "low", "high"]].round(2)
                rate         ages   n  n_not_found faces  share   low  high
    0     false pass        13–17  10            0     4   0.40  0.17  0.69
    1     false pass     under 18  10            0     4   0.40  0.17  0.69
    2  false refusal        18–22   0            0  <NA>    NaN   NaN   NaN
    3  false refusal  18 and over  20            1     1   0.05  0.01  0.24
    """
    features = feature_names(features)
    require_columns(frame, ("age_real", "age_estimation", *features))
    through, lost = passed(frame, policy), frame["age_estimation"].isna().to_numpy()
    counted = ~np.isnan(through)
    codes = cluster_codes(frame, clusters)
    asked = [(a, within(frame, a)) for a in ([*bands(policy), *single_years(policy)] if ages is None else ages)]
    rows = []
    for labels, group in groups_of(frame, features, with_all):
        for a, mask in asked:
            inside = group & mask
            of = inside & counted
            yes = through[of] == (a.rate == FALSE_PASS)
            row = {"rate": a.rate, "ages": a.label, "age_low": a.low, "age_high": a.high, "n": int(of.sum())}
            rows.append(labels | row | {"n_not_found": int((inside & lost).sum()), "faces": int(yes.sum())})
            if clusters is not None:
                rows[-1]["n_effective"] = effective_sizes(yes[np.newaxis], codes[of]).item()
    columns = [*features, "rate", "ages", "age_low", "age_high", "n", "n_not_found", "faces"]
    columns += ["n_effective"] * (clusters is not None)
    return shown_shares(pd.DataFrame(rows, columns=columns))


def shown_shares(table: pd.DataFrame) -> pd.DataFrame:
    """Counts with their shares and intervals, but none of fewer than ten faces.

    Parameters
    ----------
    table : DataFrame
        With ``faces`` and ``n``; ``n_effective`` where faces come in clusters, see
        :func:`age_audit.stats.clustered.effective_sizes`.

    Returns
    -------
    DataFrame
        With ``faces`` as Int64, ``share``, ``low``, ``high`` and ``few_faces``; without ``n_effective``.

    Examples
    --------
    >>> shown_shares(pd.DataFrame({"faces": [3, 3], "n": [9, 10]}))[["faces", "share"]]
       faces  share
    0   <NA>    NaN
    1      3    0.3
    """
    shares = pd.DataFrame(share_columns(table["faces"], table["n"]), index=table.index)
    if "n_effective" in table:
        n = table["n_effective"]
        shares["low"], shares["high"] = wilson_interval(shares["share"] * n, n)
        table = table.drop(columns="n_effective")
    enough = table["n"] >= LEAST_SHOWN
    faces = table["faces"].astype("Int64").where(enough)
    return table.assign(faces=faces, **shares.where(enough), few_faces=table["n"] < FEW_FACES)


def rates_by_what_becomes_of_lost(
    frame: pd.DataFrame, policy: Policy, features: str | Sequence[str] = ()
) -> pd.DataFrame:
    """The same rates where a face that is not found is refused, is an error, or passes.

    Parameters
    ----------
    frame, policy, features
        As :func:`gate_rates`; what the policy says of faces that are not found does not count.

    Returns
    -------
    DataFrame
        Rows of :func:`gate_rates` for :func:`bands`, with ``not_found`` in front.

    Examples
    --------
    >>> faces = pd.DataFrame({"age_real": [16] * 10, "age_estimation": [19] * 5 + [15] * 3 + [None] * 2})
    >>> table = rates_by_what_becomes_of_lost(faces, Policy(age=18))
    >>> table.loc[table["ages"] == "13–17", ["not_found", "n", "n_not_found", "share"]]
      not_found   n  n_not_found  share
    0    refuse  10            2    0.5
    4     error   8            2    NaN
    8      pass  10            2    0.7
    """
    tables = {
        word: gate_rates(frame, replace(policy, not_found=word), features, ages=bands(policy)) for word in NOT_FOUND
    }
    table = pd.concat([part.assign(not_found=word) for word, part in tables.items()], ignore_index=True)
    return table[["not_found", *table.columns.drop("not_found")]]
