"""What an answer that looks at no face would score: without it, no accuracy can be read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from age_audit.audit.errors.groups import face_measures
from age_audit.core.groups import cluster_codes, feature_names, groups_of, real_ages, require_columns
from age_audit.core.measures import ACCURACY, CS_5, MAE, MEASURES
from age_audit.core.metrics import is_accurate
from age_audit.core.randomness import Resampling
from age_audit.stats.resampling import combination_interval

ESTIMATOR, ONE_AGE, OWN_AGE = "estimator", "median age of all faces", "median age of its range"


def constant_guesses(
    frame: pd.DataFrame,
    control_features: str | Sequence[str] = "age_range",
    *,
    resampling: Resampling,
    clusters: str | None = None,
) -> pd.DataFrame:
    """Score the estimator beside two constant guesses, within each control level.

    The first guess is one age for every face, the median of all real ages. The second knows the face's control level,
    such as its age range, and answers the median real age there. The median is the constant with the least mean
    absolute error on these very faces, so the guesses are as good as a constant can be. Of a real age that is a range
    both ends count, which for the distance from the nearer one comes to the same; such a face has no second guess, for
    that would be told its label.

    Parameters
    ----------
    frame : DataFrame
        With ``age_real``, ``age_estimation`` (years) and the control features; only faces with both ages count.
    control_features : str or sequence of str
        Columns.
    resampling : Resampling
        How intervals are drawn.
    clusters : str, optional
        Column of what is drawn as one, such as copies of one picture.

    Returns
    -------
    DataFrame
        Three rows for each level and for ``"all"``. Columns: the control features; ``guess``; ``guessed_age`` (years;
        NaN where it is not one for all faces of the row); ``n`` (a face in no level, or whose age is a range, has no
        second guess); ``mean_absolute_error`` (years), ``study_accuracy``, ``share_positive`` (accuracy above 0.90,
        that is an error below 10 years; 0-1), ``cumulative_score_5`` (0-1); ``estimator_ahead`` = mean absolute error
        of the guess - that of the estimator, on the same faces, with ``low`` and ``high`` (below 0 where the guess is
        better; NaN for the estimator). A level without faces has NaN.

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Examples
    --------
    >>> ages = {"age_real": [2, 4, 6, 30, 40, 50], "age_estimation": [3, 5, 9, 33, 41, 45]}
    >>> frame = pd.DataFrame(ages).assign(age_range=["0–12"] * 3 + ["26–100"] * 3)
    >>> table = constant_guesses(frame, resampling=Resampling(seed=1))
    >>> table[table["age_range"] == "all"][["guess", "n", "mean_absolute_error"]].round(2)
                         guess  n  mean_absolute_error
    6                estimator  6                 2.33
    7  median age of all faces  6                18.00
    8  median age of its range  6                 4.00
    """
    control = feature_names(control_features)
    require_columns(frame, ("age_real", "age_estimation", *control))
    used = frame[np.isfinite(face_measures(frame)[0])]
    ages = used["age_real"]
    guesses = {
        ONE_AGE: pd.Series(np.median(real_ages(used)) if len(used) else np.nan, index=used.index),
        OWN_AGE: used.groupby(control, observed=True)["age_real"].transform("median").where(ages.notna()),
    }
    options = resampling.for_intervals("constant guesses")
    rows = []
    for labels, inside in groups_of(used, control, control):
        rows.append(labels | {"guess": ESTIMATOR, "guessed_age": np.nan} | _scores(face_measures(used[inside])))
        for guess, guessed in guesses.items():
            faces = used[inside & guessed.notna()]
            values = face_measures(faces.assign(age_estimation=guessed[faces.index]))
            alike = {} if clusters is None else {"clusters": [cluster_codes(faces, clusters)]}
            ahead = combination_interval([(values - face_measures(faces))[:1]], [1], **options, **alike)
            age = guessed[faces.index].unique()
            rows.append(labels | {"guess": guess, "guessed_age": age[0] if len(age) == 1 else np.nan})
            rows[-1] |= _scores(values) | {"estimator_ahead": ahead.value[0]}
            rows[-1] |= {"low": ahead.low[0], "high": ahead.high[0]}
    return pd.DataFrame(rows)


def _scores(values: np.ndarray) -> dict[str, float]:
    """Means of what :func:`age_audit.audit.errors.groups.face_measures` gives for all measures."""
    faces = dict(zip(MEASURES, values, strict=True))
    faces["share_positive"] = is_accurate(faces[ACCURACY.key])
    n, shown = values.shape[1], (MAE.key, ACCURACY.key, "share_positive", CS_5.key)
    means = {name: faces[name].mean() if n else np.nan for name in shown}
    return {"n": n} | means | {"estimator_ahead": np.nan, "low": np.nan, "high": np.nan}
