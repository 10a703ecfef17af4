"""Is one gender misclassified for another part of the face than the other, and is an unequal error an unfair one?

A published analysis of gender classifiers boxes the most salient pixels of each face, names a box after the part of
the face that it lies on (:mod:`age_audit.regions.boxes`), and compares how often each part is so named among the
misclassified faces of either gender. Beside it stands a score of equalised odds (Hardt, Price and Srebro 2016).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from age_audit.core.groups import groups_of, levels, require_columns
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.proportions import share_columns

DIGITS = 3  # of the published scores
PRESETS = ("audit", "published")


def equalized_odds_score(
    frame: pd.DataFrame, protected: str, true: str, predicted: str, *, preset: str = "audit"
) -> float:
    """The larger of the gaps between groups in true and in false positive rates (Hardt, Price and Srebro 2016).

    Every class is the positive one by turns; the score is the largest gap of any. Of two classes both say the same,
    for the true positive rate of one is 1 less the false positive rate of the other.

    Parameters
    ----------
    frame : DataFrame
        One row a face, with the three columns. Faces that lack any of the three do not count.
    protected : str
        Column of the groups, such as race or an age range.
    true, predicted : str
        Columns of the real and the predicted class, spelled alike.
    preset : str
        ``"audit"``: as said. Where the groups *are* the real classes, as of a gender classifier judged by gender, no
        group has both rates of any class; each gender is then compared by the rates of its own class over all faces:
        how many of its own it finds, and how many of others are taken for it. ``"published"``: the rates of each gender
        within the faces of that true gender. There are no negatives among them, so that a false positive rate is 0 by
        construction, and the score is the gap in true positive rates alone; rounded to 3 decimals.

    Returns
    -------
    float
        0 (alike) to 1; NaN where no two groups have a rate. Of few faces a large gap is likely by chance alone:
        :func:`equalized_odds_rates` says how many there are.

    Raises
    ------
    UsageError
        If the frame lacks a column.
    ValueError
        For an unknown preset, or ``"published"`` of groups that are not the real classes.

    Examples
    --------
    >>> frame = pd.DataFrame({"gender_real": ["Male"] * 4 + ["Female"] * 4, "race_real": ["Asian", "Indian"] * 4})
    >>> frame["guess"] = ["Male"] * 4 + ["Female", "Male", "Female", "Male"]  # Indian women are taken for men
    >>> equalized_odds_score(frame, "race_real", "gender_real", "guess")
    1.0
    >>> equalized_odds_score(frame, "gender_real", "gender_real", "guess")
    0.5
    """
    if preset not in PRESETS:
        raise ValueError(f"expected a preset out of {', '.join(PRESETS)}; got {preset!r}")
    rates = equalized_odds_rates(frame, protected, true, predicted)
    same = _same(_with_all(frame, [protected, true, predicted]), protected, true)
    if preset == "published":
        if not same:
            raise ValueError(
                f"the published score compares the true classes with each other: expected {protected!r} to be the same "
                f'as {true!r}; for other groups take preset="audit"'
            )
        rates = rates[rates["rate"] == TRUE_POSITIVE]
    by = ["rate"] if same else ["rate", "class"]
    gaps = rates.dropna(subset="share").groupby(by)["share"].agg(["max", "min", "size"]).query("size > 1")
    score = float((gaps["max"] - gaps["min"]).max()) if len(gaps) else float("nan")
    return round(score, DIGITS) if preset == "published" else score


TRUE_POSITIVE, FALSE_POSITIVE = "true positive", "false positive"


def equalized_odds_rates(frame: pd.DataFrame, protected: str, true: str, predicted: str) -> pd.DataFrame:
    """The rates whose gaps :func:`equalized_odds_score` takes.

    Parameters
    ----------
    frame, protected, true, predicted
        As :func:`equalized_odds_score`.

    Returns
    -------
    DataFrame
        One row a class, group and rate; where the groups are the real classes, one a group and rate. Columns:
        ``class`` (the positive one), ``group``, ``rate`` (``"true positive"``: of the group's faces of the class those
        predicted so; ``"false positive"``: of its other faces those predicted so), ``n`` (faces it is a share of),
        ``share`` with ``low`` and ``high`` (Wilson's interval of 95 %), ``few_faces`` (n below 30). NaN of no face.

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Examples
    --------
    >>> frame = pd.DataFrame({"gender_real": ["Male"] * 4 + ["Female"] * 2, "guess": ["Male"] * 3 + ["Female"] * 3})
    >>> equalized_odds_rates(frame, "gender_real", "gender_real", "guess")[["class", "group", "rate", "n", "share"]]
        class   group            rate  n  share
    0  Female  Female   true positive  2   1.00
    1  Female  Female  false positive  4   0.25
    2    Male    Male   true positive  4   0.75
    3    Male    Male  false positive  2   0.00
    """
    require_columns(frame, (protected, true, predicted))
    used = _with_all(frame, [protected, true, predicted])
    truth, guess = used[true].to_numpy(dtype=object), used[predicted].to_numpy(dtype=object)
    everyone = np.ones(len(used), dtype=bool)
    if _same(used, protected, true):
        pairs = [(name, name, everyone) for name in levels(used[true])]
    else:
        groups = [(labels[protected], inside) for labels, inside in groups_of(used, [protected])]
        pairs = [(name, group, inside) for name in levels(used[true]) for group, inside in groups]
    rows = []
    for name, group, inside in pairs:
        for rate, there in ((TRUE_POSITIVE, truth == name), (FALSE_POSITIVE, truth != name)):
            faces = inside & there
            n, count = int(faces.sum()), int((faces & (guess == name)).sum())
            rows.append({"class": name, "group": group, "rate": rate, "n": n})
            rows[-1] |= {column: float(value) for column, value in share_columns(count, n).items()}
            rows[-1]["few_faces"] = n < FEW_FACES
    return pd.DataFrame(rows, columns=["class", "group", "rate", "n", "share", "low", "high", "few_faces"])


def _with_all(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """The columns, each once, of the faces that have all of them."""
    return frame[list(dict.fromkeys(columns))].dropna()


def _same(used: pd.DataFrame, protected: str, true: str) -> bool:
    """Whether the groups are the real classes."""
    return protected == true or bool((used[protected].astype(object) == used[true].astype(object)).all())
