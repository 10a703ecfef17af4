"""How good a classifier of groups is on faces that it has not learnt from, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy
from numpy.typing import ArrayLike

from age_audit.core.groups import ALL, feature_title, groups_of, require_columns
from age_audit.core.randomness import CONFIDENCE, Resampling
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.proportions import ends_where_alike, share_columns
from age_audit.stats.resampling import combination_interval
from age_audit.training.groups import AgeGroups

MEASURES = {
    "exact": "share of faces in the right group",
    "within_one": "share of faces in the right group or the next",
    "mean_absolute_error": "mean absolute error of the expected age (years)",
    "log_loss": "mean of -log of the probability of the right group",
}
SHARES = ("exact", "within_one")  # the first of them
PROBABILITY = "probability_"


def predictions(
    faces: pd.DataFrame, probabilities: np.ndarray, said: np.ndarray, groups: AgeGroups, ages: np.ndarray
) -> pd.DataFrame:
    """What a classifier says of faces, beside what their labels say.

    Parameters
    ----------
    faces : DataFrame
        N rows with ``fname``, ``age_real``, ``gender_real``, ``race_real`` and ``cluster``; every age in a group.
    probabilities : ndarray of float, shape (N, K)
    said : ndarray of int, shape (N,)
        The group that it says, by number: :func:`age_audit.training.losses.group_said`.
    groups : AgeGroups
    ages : ndarray of float, shape (N,)
        Expected ages in years.

    Returns
    -------
    DataFrame
        The columns above, ``group`` and ``group_estimated`` (names, in order), ``distance`` (groups by which the
        latter is too old), ``age_estimation``, and ``probability_<group>``.

    Examples
    --------
    >>> from age_audit.training.groups import parse_groups
    >>> faces = pd.DataFrame({"fname": ["a"], "age_real": [20.0], "gender_real": "Male", "race_real": "Other"})
    >>> groups = parse_groups(["Child 0-17", "Adult 18-"])
    >>> told = predictions(faces.assign(cluster=0), np.array([[0.75, 0.25]]), np.array([0]), groups, [16.0])
    >>> told[["group", "group_estimated", "distance", "age_estimation"]]
       group group_estimated  distance  age_estimation
    0  Adult           Child        -1            16.0
    """
    columns = ["fname", "age_real", "gender_real", "race_real", "cluster"]
    require_columns(faces, columns)
    codes = groups.of(faces["age_real"])
    table = faces[columns].reset_index(drop=True)
    for name, numbers in (("group", codes), ("group_estimated", said)):
        table[name] = pd.Categorical.from_codes(numbers, list(groups.names), ordered=True)
    table["distance"] = said - codes
    table["age_estimation"] = ages
    told = {f"{PROBABILITY}{name}": probabilities[:, code] for code, name in enumerate(groups.names)}
    return pd.concat([table, pd.DataFrame(told)], axis=1)


def measures_of_faces(table: pd.DataFrame) -> np.ndarray:
    """What each face adds to each of :data:`MEASURES`, float (M, N)."""
    apart = table["distance"].abs().to_numpy()
    right = _probability_of(table, "group")
    error = np.abs(table["age_estimation"] - table["age_real"])
    return np.stack([apart == 0, apart <= 1, error, -np.log(np.maximum(right, 1e-7))]).astype(float)


def _probability_of(table: pd.DataFrame, column: str) -> np.ndarray:
    """What probability each face's group in that column was given."""
    of_groups = table[[f"{PROBABILITY}{name}" for name in table["group"].cat.categories]].to_numpy(dtype=float)
    return of_groups[np.arange(len(table)), table[column].cat.codes]


def measure(table: pd.DataFrame, features: Sequence[Sequence[str]] = (), *, resampling: Resampling) -> pd.DataFrame:
    """Each of :data:`MEASURES`, of all faces and of each class of features, with intervals that draw whole clusters.

    Where faces are all alike no draw tells of others: the interval of their share is Wilson's.

    Parameters
    ----------
    table : DataFrame
        Of :func:`predictions`, and the features.
    features : sequence of sequences of str
        Columns, each alone or several crossed: ``[["group"], ["race_real", "gender_real"]]``.
    resampling : Resampling

    Returns
    -------
    DataFrame
        ``feature``, ``class``, ``measure``, ``n`` faces, ``clusters``, ``value``, ``low``, ``high``, ``few_faces``.

    Examples
    --------
    >>> from age_audit.training.groups import parse_groups
    >>> faces = pd.DataFrame({"fname": list("abcd"), "age_real": [5.0, 5, 30, 30], "gender_real": "Male"})
    >>> groups = parse_groups(["Child 0-17", "Adult 18-"])
    >>> faces = faces.assign(race_real="Other", cluster=range(4))
    >>> told = predictions(faces, np.array([[0.9, 0.1]] * 3 + [[0.2, 0.8]]), np.array([0, 0, 0, 1]), groups, [11.2] * 4)
    >>> found = measure(told, resampling=Resampling(seed=1))
    >>> found.loc[found["measure"] == "exact", ["n", "value"]].values.tolist()
    [[4.0, 0.75]]
    """
    values, clusters = measures_of_faces(table), table["cluster"].to_numpy()
    chosen = [(ALL, ALL, np.ones(len(table), dtype=bool))]
    for crossed in features:
        for labels, inside in groups_of(table, crossed):
            chosen.append((" x ".join(map(feature_title, crossed)), ", ".join(map(str, labels.values())), inside))
    rows = []
    for feature, name, inside in chosen:
        options = resampling.for_intervals(f"classifier, {feature}, {name}")
        found = combination_interval([values[:, inside]], [1], clusters=[clusters[inside]], **options)
        n, drawn = int(inside.sum()), len(np.unique(clusters[inside]))
        for key, value, low, high in zip(MEASURES, found.value, found.low, found.high, strict=True):
            row = {"feature": feature, "class": name, "measure": key, "n": n, "clusters": drawn, "value": value}
            rows.append(row | {"low": low, "high": high, "few_faces": n < FEW_FACES})
    found = pd.DataFrame(rows)
    return without_points(found, found["clusters"])


def without_points(table: pd.DataFrame, clusters: ArrayLike) -> pd.DataFrame:
    """Measures whose intervals were drawn, with Wilson's of shares that no face differs in: no draw tells of others.

    Parameters
    ----------
    table : DataFrame
        With ``measure``, ``value``, ``low`` and ``high``, such as of :func:`measure`.
    clusters : array_like of int, one or of each row
        That were drawn.

    Examples
    --------
    >>> rows = [("exact", 1.0, 1.0, 1.0), ("within_one", 0.5, 0.25, 0.75), ("log_loss", 0.0, 0.0, 0.0)]
    >>> without_points(pd.DataFrame(rows, columns=["measure", "value", "low", "high"]), 10)["low"].round(2).tolist()
    [0.72, 0.25, 0.0]
    """
    of_shares = np.where(table["measure"].isin(SHARES), clusters, 0)
    low, high = ends_where_alike(table["value"], table["low"], table["high"], of_shares)
    return table.assign(low=low, high=high)


def by_distance(table: pd.DataFrame) -> pd.DataFrame:
    """How many faces are how many groups off: ``distance``, ``n``, ``share`` of all, ``low``, ``high``.

    Examples
    --------
    >>> by_distance(pd.DataFrame({"distance": [0, 0, -1, 2]}))[["distance", "n", "share"]].values.tolist()
    [[0.0, 2.0, 0.5], [1.0, 1.0, 0.25], [2.0, 1.0, 0.25]]
    """
    counts = np.bincount(table["distance"].abs())
    shares = share_columns(counts, np.full(len(counts), counts.sum()))
    return pd.DataFrame({"distance": np.arange(len(counts)), "n": counts} | shares)


def confusion(table: pd.DataFrame) -> pd.DataFrame:
    """How many faces of each labelled group (rows) are said to be of which (columns).

    Examples
    --------
    >>> kinds = pd.CategoricalDtype(["Child", "Adult"])
    >>> told = pd.DataFrame({"group": ["Child", "Child"], "group_estimated": ["Child", "Adult"]}, dtype=kinds)
    >>> confusion(told).to_numpy().tolist()
    [[1, 1], [0, 0]]
    """
    return pd.crosstab(table["group"], table["group_estimated"], dropna=False)


def calibration(table: pd.DataFrame, bins: int = 10) -> pd.DataFrame:
    """Whether a classifier is right as often as it says, by how sure it is of the group that it says.

    Returns
    -------
    DataFrame
        A row for each of ``bins`` equally large sets of faces, from the least to the most sure: ``n``, ``stated`` (mean
        probability of what it says), ``share`` (of these that are right), ``low``, ``high``.

    Examples
    --------
    >>> kinds = pd.CategoricalDtype(["Child", "Adult"])
    >>> told = pd.DataFrame({"group": ["Child", "Child"], "group_estimated": ["Child", "Adult"]}, dtype=kinds)
    >>> told = told.assign(distance=[0, 1], probability_Child=[0.9, 0.4], probability_Adult=[0.1, 0.6])
    >>> calibration(told, bins=1)[["n", "stated", "share"]].values.tolist()
    [[2.0, 0.75, 0.5]]
    """
    stated, right = _probability_of(table, "group_estimated"), (table["distance"] == 0).to_numpy()
    parts = [part for part in np.array_split(np.argsort(stated, kind="stable"), bins) if len(part)]
    counts = np.array([[right[part].sum(), len(part)] for part in parts])
    means = [stated[part].mean() for part in parts]
    return pd.DataFrame({"n": counts[:, 1], "stated": means} | share_columns(counts[:, 0], counts[:, 1]))


def calibration_error(found: pd.DataFrame) -> float:
    """Mean distance of what is stated and what is so over the rows of :func:`calibration`, 0-1.

    Examples
    --------
    >>> calibration_error(pd.DataFrame({"n": [1, 3], "stated": [0.5, 0.9], "share": [0.7, 0.9]})).round(3)
    np.float64(0.05)
    """
    return np.average((found["stated"] - found["share"]).abs(), weights=found["n"])


def faces_needed(half_width: float, share: float = 0.5) -> int:
    """Faces, each another person, after which a share is known to within so much either way.

    A share of 0 or 1 is known sooner, though not at once: then as Wilson's interval says.

    Parameters
    ----------
    half_width : float
        Half of the interval's width, above 0.
    share : float
        That is expected; a half asks for most faces.

    Examples
    --------
    >>> faces_needed(0.13), faces_needed(0.05), faces_needed(0.03, 0.65)
    (57, 385, 972)
    """
    z = scipy.stats.norm.ppf((1 + CONFIDENCE) / 2)
    alike = z**2 * (1 / (2 * half_width) - 1)  # half of Wilson's interval of n faces that are alike: z² / 2(n + z²)
    return math.ceil(max(share * (1 - share) * (z / half_width) ** 2, alike))


def worst_faces(table: pd.DataFrame, count: int = 20) -> pd.DataFrame:
    """The faces that are most groups off, of these those first whose expected age is furthest off.

    Examples
    --------
    >>> told = pd.DataFrame({"fname": ["b", "a"], "distance": [0, -3], "age_estimation": [1, 2], "age_real": [1.0, 20]})
    >>> worst_faces(told, 1)["fname"].tolist()
    ['a']
    """
    off = table.assign(off=table["distance"].abs(), years=(table["age_estimation"] - table["age_real"]).abs())
    order = off.sort_values(["off", "years", "fname"], ascending=[False, False, True])
    return order.drop(columns=["off", "years"]).head(count).reset_index(drop=True)
