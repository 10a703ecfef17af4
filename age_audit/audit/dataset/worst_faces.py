"""The faces that an estimator is furthest from: how good their pictures are, and whether their labels are in doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from age_audit.audit.errors.several_estimators import label_doubts, worst_faces
from age_audit.core.groups import require_columns


def worst_faces_with_doubts(
    frames: Mapping[str, pd.DataFrame], measures: Sequence[str] = (), features: Sequence[str] = (), count: int = 20
) -> pd.DataFrame:
    """The largest errors of the first estimator, with measures of quality as percentiles and what the others say.

    Two things make a large error without the estimator's doing: a picture that shows little, and a wrong label. Here
    the doubt is the other estimators' alone: the one that is judged has no voice in whether its own error counts.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        By estimator, the judged one first: ``fname``, ``age_real`` and ``age_estimation`` (years); the first one's with
        the measures and features. Leave out estimators that hardly follow age
        (:func:`age_audit.audit.errors.several_estimators.follows_age`).
    measures : sequence of str
        Columns of the first.
    features : sequence of str
        Columns of the first that are shown, such as race and gender.
    count : int
        Faces at most.

    Returns
    -------
    DataFrame
        As :func:`age_audit.audit.errors.several_estimators.worst_faces`, but that ``estimators``, ``lowest_estimate``,
        ``highest_estimate`` and ``label_doubt`` (agreed within 5 years, 20 or more from the label) are of the others;
        then ``mean_estimate`` of theirs, and for each measure ``percentile_<measure>`` (0 to 100) among all faces of
        the first that were measured, ties in their middle.

    Raises
    ------
    UsageError
        If a frame lacks a column.

    Examples
    --------
    >>> one = pd.DataFrame({"fname": ["a", "b", "c"], "age_real": [60, 60, 5], "age_estimation": [21, 35, 6]})
    >>> frames = {"one": one.assign(blur=[9, 1, 5])}
    >>> frames |= {"two": one.assign(age_estimation=[24, 58, 7]), "three": one.assign(age_estimation=[26, 30, 7])}
    >>> table = worst_faces_with_doubts(frames, ["blur"], count=2)
    >>> table[["fname", "signed_error", "mean_estimate", "label_doubt", "percentile_blur"]].round()
      fname  signed_error  mean_estimate  label_doubt  percentile_blur
    0     a         -39.0           25.0         True             83.0
    1     b         -25.0           44.0        False             17.0
    """
    (name, first), *others = frames.items()
    require_columns(first, ("fname", *measures))
    by_others = label_doubts({name: first.assign(age_estimation=np.nan), **dict(others)})
    estimates = [frame.set_index("fname")["age_estimation"].reindex(by_others.index) for _, frame in others]
    by_others["mean_estimate"] = pd.concat(estimates, axis=1).mean(axis=1) if estimates else np.nan
    for measure in measures:
        ranks = first.set_index("fname")[measure].rank()
        by_others[f"percentile_{measure}"] = 100 * (ranks - 0.5) / ranks.count()
    worst = worst_faces({name: first}, features, count)
    shown = [column for column in worst if column not in by_others]
    return worst[shown].join(by_others, on="fname")
