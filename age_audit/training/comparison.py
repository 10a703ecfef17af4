"""Classifiers beside each other on the same faces: several seeds of one, one against another, estimators of ages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from age_audit.audit.dataset.duplicates import pairs_of_copies
from age_audit.core.csv_text import read_csv
from age_audit.core.errors import UsageError
from age_audit.core.randomness import Resampling
from age_audit.stats.resampling import combination_interval
from age_audit.training.evaluate import (
    MEASURES,
    PROBABILITY,
    SHARES,
    measures_of_faces,
    predictions,
    without_points,
)
from age_audit.training.groups import AgeGroups


def read_predictions(path: Path) -> pd.DataFrame:
    """What ``age-audit train`` wrote as ``predictions.csv`` (or that, packed), as it was.

    Raises
    ------
    UsageError
        If it is no such file.
    """
    try:
        table = read_csv(path)
        groups = [name.removeprefix(PROBABILITY) for name in table.columns if name.startswith(PROBABILITY)]
        kind = pd.CategoricalDtype(groups, ordered=True)
        numbers = ["age_real", "age_estimation", *(f"{PROBABILITY}{name}" for name in groups)]
        kinds = {"group": kind, "group_estimated": kind, "distance": int} | dict.fromkeys(numbers, float)
        return table.astype(kinds)
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(
            f"expected predictions of a classifier in {path}, but: {error}; age-audit train writes them"
        ) from error


def title_of(options: Mapping) -> str:
    """What tables and figures call a classifier: its network and what else was chosen.

    Parameters
    ----------
    options : mapping
        As ``training.json`` has them.

    Examples
    --------
    >>> given = {"model": "faceres", "loss": "soft", "balance": "weights", "stages": ["0:0.001:9", "6:0.0005:5"]}
    >>> title_of(given), title_of({"model": "cnn", "loss": "coral", "balance": "none", "stages": ["all:0.001:9"]})
    ('faceres, soft labels, balanced by weights, last 6 layers', 'cnn, coral')
    """
    thawed = max((int(stage.split(":")[0]) for stage in options["stages"] if not stage.startswith("all")), default=0)
    parts = [options["model"], {"soft": "soft labels"}.get(options["loss"], options["loss"])]
    parts += [f"balanced by {options['balance']}"] if options["balance"] != "none" else []
    return ", ".join([*parts, f"last {thawed} layers"] if thawed else parts)


def over_seeds(tables: Sequence[pd.DataFrame], *, resampling: Resampling) -> pd.DataFrame:
    """Each measure as the mean over trainings that differ in their seed, with an interval that draws clusters of faces.

    Parameters
    ----------
    tables : sequence of DataFrame
        As :func:`age_audit.training.evaluate.predictions`, of the same faces.
    resampling : Resampling

    Returns
    -------
    DataFrame
        ``measure``, ``n`` faces, ``seeds``, ``value``, ``low``, ``high``, and ``lowest`` and ``highest`` of the seeds.

    Raises
    ------
    UsageError
        If they are not of the same faces.
    """
    values, clusters = _in_common(tables)
    if any(len(table) != values.shape[2] for table in tables):
        raise UsageError("expected the same faces of every seed; train with the same --split-seed on the same images")
    found = combination_interval([values.mean(axis=0)], [1], clusters=[clusters], **resampling.for_intervals("seeds"))
    of_seeds = values.mean(axis=2)
    columns = {"measure": list(MEASURES), "n": values.shape[2], "seeds": len(tables), "value": found.value}
    columns |= {"low": found.low, "high": found.high, "lowest": of_seeds.min(axis=0), "highest": of_seeds.max(axis=0)}
    return without_points(pd.DataFrame(columns), len(np.unique(clusters)))


def _in_common(tables: Sequence[pd.DataFrame]) -> tuple[np.ndarray, np.ndarray]:
    """What each face that all have adds to each measure, (tables, M, N), and its cluster."""
    names = sorted(set.intersection(*(set(table["fname"]) for table in tables)))
    if not names:
        raise UsageError("expected predictions of the same faces, got tables without a file name in common")
    tables = [table.set_index("fname").loc[names].reset_index() for table in tables]
    return np.stack([measures_of_faces(table) for table in tables]), tables[0]["cluster"].to_numpy()


def difference(first: Sequence[pd.DataFrame], other: Sequence[pd.DataFrame], *, resampling: Resampling) -> pd.DataFrame:
    """How much two classifiers differ on the faces that both have: the first less the other, means over seeds.

    Parameters
    ----------
    first, other : sequence of DataFrame
        Of each the seeds; of :func:`age_audit.training.evaluate.predictions`.
    resampling : Resampling

    Returns
    -------
    DataFrame
        ``measure``, ``n``, ``value``, ``low``, ``high``; shares as shares, ages in years.

    Raises
    ------
    UsageError
        If they have no face in common.
    """
    values, clusters = _in_common([*first, *other])
    apart = values[: len(first)].mean(axis=0) - values[len(first) :].mean(axis=0)
    options = resampling.for_intervals("classifiers, difference")
    found = combination_interval([apart], [1], clusters=[clusters], **options)
    rows = zip(MEASURES, found.value, found.low, found.high, strict=True)
    return pd.DataFrame(rows, columns=["measure", "value", "low", "high"]).assign(n=apart.shape[1])


def estimator_as_classifier(ages: Mapping[str, float], faces: pd.DataFrame, groups: AgeGroups) -> pd.DataFrame:
    """An estimator of ages as a classifier of groups: the group that its age falls into, or else the nearest.

    Parameters
    ----------
    ages : mapping of str to float
        Estimates in years by file name; faces without one are left out.
    faces, groups
        As :func:`predictions`.

    Returns
    -------
    DataFrame
        As :func:`predictions`, with probabilities of 0 and 1.

    Examples
    --------
    >>> from age_audit.training.groups import parse_groups
    >>> faces = pd.DataFrame({"fname": ["a"], "age_real": [20.0], "gender_real": "Male", "race_real": "Other"})
    >>> groups = parse_groups(["Child 0-17", "Adult 18-"])
    >>> estimator_as_classifier({"a": 17.9}, faces.assign(cluster=0), groups)[["group_estimated", "age_estimation"]]
      group_estimated  age_estimation
    0           Child            17.9
    """
    there = faces[faces["fname"].isin(ages.keys())]
    given = there["fname"].map(ages).to_numpy(dtype=float)
    years, (low, high) = np.floor(given)[:, None], np.array(groups.bounds).T
    codes = np.maximum(low - years, years - high).argmin(axis=1)  # where groups leave years out, the nearest
    return predictions(there, np.eye(len(groups))[codes], codes, groups, given)


def with_smaller_errors(faces: pd.DataFrame, groups: AgeGroups, factors: Sequence[float]) -> pd.DataFrame:
    """How good a classifier would be that errs as this one does, but less: by how much must it err less to be better?

    Each face's error of the expected age is multiplied by a factor, and the group is that of the age that comes out.

    Parameters
    ----------
    faces : DataFrame
        Of :func:`age_audit.training.evaluate.predictions`.
    groups : AgeGroups
    factors : sequence of float

    Returns
    -------
    DataFrame
        A row a factor: ``error_factor``, ``n``, ``exact``, ``within_one``, and ``mean_absolute_error`` in years.

    Examples
    --------
    >>> from age_audit.training.groups import parse_groups
    >>> faces = pd.DataFrame({"fname": ["a", "b"], "age_real": [20.0, 30.0], "age_estimation": [26.0, 31.0]})
    >>> faces = faces.assign(gender_real="Male", race_real="Other", cluster=[0, 1])
    >>> with_smaller_errors(faces, parse_groups(["Child 0-24", "Adult 25-"]), [1, 0.5])
       error_factor  n  exact  within_one  mean_absolute_error
    0           1.0  2    0.5         1.0                 3.50
    1           0.5  2    1.0         1.0                 1.75
    """
    real, errors = faces["age_real"], faces["age_estimation"] - faces["age_real"]
    rows = []
    for factor in factors:
        ages = dict(zip(faces["fname"], real + factor * errors, strict=True))
        means = measures_of_faces(estimator_as_classifier(ages, faces, groups)).mean(axis=1)
        rows.append({"error_factor": float(factor), "n": len(faces)} | dict(zip(MEASURES, means, strict=True)))
    return pd.DataFrame(rows).drop(columns="log_loss")  # of one age, not of probabilities


def labels_of_copies(frame: pd.DataFrame, groups: AgeGroups, *, resampling: Resampling) -> pd.DataFrame:
    """How often two labels of one picture fall into the same group: what a classifier reaches that is as good as one.

    Only copies that stayed in the data set can be looked at; :mod:`age_audit.audit.dataset.duplicates` says what that
    means.

    Parameters
    ----------
    frame : DataFrame
        One row a picture: ``cluster``, ``pixels``, ``age_real``.
    groups : AgeGroups
    resampling : Resampling
        Whole clusters are drawn.

    Returns
    -------
    DataFrame
        ``measure`` (``exact``: one group; ``within_one``: one or the next), ``pairs``, ``clusters``, ``value``,
        ``low``, ``high``.

    Examples
    --------
    >>> from age_audit.training.groups import parse_groups
    >>> frame = pd.DataFrame({"cluster": [0, 0, 1, 1, 2, 2, 3], "pixels": list("aabbccd")})
    >>> frame["age_real"] = [5, 7, 12, 30, 40, 41, 50]
    >>> found = labels_of_copies(frame, parse_groups(["0-17", "18-"]), resampling=Resampling(seed=1))
    >>> found[["measure", "pairs", "clusters", "value"]].round(2)
          measure  pairs  clusters  value
    0       exact      3         3   0.67
    1  within_one      3         3   1.00
    """
    pairs = pairs_of_copies(frame)
    first, second = (groups.of(frame["age_real"].to_numpy(float)[pairs[side]]) for side in ("first", "second"))
    known = (first >= 0) & (second >= 0)
    apart, clusters = np.abs(first - second)[known], pairs["cluster"].to_numpy()[known]
    options = resampling.for_intervals("labels of copies, groups")
    found = combination_interval(
        [np.stack([apart == 0, apart <= 1]).astype(float)], [1], clusters=[clusters], **options
    )
    columns = {"measure": list(SHARES), "pairs": len(apart), "clusters": len(np.unique(clusters))}
    columns |= {"value": found.value, "low": found.low, "high": found.high}
    return without_points(pd.DataFrame(columns), columns["clusters"])
