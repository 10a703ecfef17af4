"""Which gender an estimator answers, against the label: rates of both genders, equalised odds, doubtful labels.

An answer is the likelier of two: Female where the probability of Female is at least 0.5, otherwise Male. *Positive* is
Female throughout: the true positive rate is the share of faces labelled Female that are answered Female, the false
positive rate that of faces labelled Male. Neither gender is the better one to be, so both rates are shown.

Equalised odds (Hardt, Price and Srebro 2016) asks that both rates be the same in all groups, so that being answered
rightly does not depend on the group. The score is the larger of the two differences between the groups that are
furthest apart: 0 is best.

Labels are what somebody saw in a picture, or in a file name; other genders than the two are in no label that these
estimators know, and a face labelled so is counted, not judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from age_audit.audit.box_bias import FALSE_POSITIVE, TRUE_POSITIVE
from age_audit.audit.errors.strata import LEAST, TOLERANCE, pooled, runs_of
from age_audit.core.errors import UsageError
from age_audit.core.groups import ALL, feature_names, groups_of, real_ages, require_columns
from age_audit.core.randomness import Resampling
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.proportions import Gap, Rates, largest_gap, share_columns

POSITIVE, NEGATIVE = "Female", "Male"
LABEL, PROBABILITY, ANSWER = "gender_real", "probability_female", "gender_answer"
THRESHOLD = 0.5
ACCURACY, FALSE_NEGATIVE, TRUE_NEGATIVE = "accuracy", "false negative", "true negative"
# By rate: the label of the faces that it is a share of, and the answer that it counts.
RATES = {
    TRUE_POSITIVE: (POSITIVE, POSITIVE),
    FALSE_NEGATIVE: (POSITIVE, NEGATIVE),
    FALSE_POSITIVE: (NEGATIVE, POSITIVE),
    TRUE_NEGATIVE: (NEGATIVE, NEGATIVE),
}
_COMPARED = (TRUE_POSITIVE, FALSE_POSITIVE)
EQUALISED_ODDS = "equalised odds"
SURE = 0.9  # of an answer that puts a label in doubt
AS_THEY_ARE, AT_EQUAL_AGES = "as they are", "at equal ages"


def answered_faces(frame: pd.DataFrame) -> pd.DataFrame:
    """The faces that can be judged, with the answer: those with a probability, labelled with one of the two genders.

    Parameters
    ----------
    frame : DataFrame
        N rows with ``gender_real`` and ``probability_female`` (0-1).

    Returns
    -------
    DataFrame
        Their rows, in order, with ``gender_answer``, ``"Female"`` or ``"Male"``.

    Raises
    ------
    UsageError
        If the frame lacks a column, a probability is not between 0 and 1, or faces are labelled, but none with one of
        these two.

    Examples
    --------
    >>> faces = {"gender_real": ["Female", "Male", "Other", None], "probability_female": [0.5, 0.2, 0.9, 0.9]}
    >>> answered_faces(pd.DataFrame(faces))
      gender_real  probability_female gender_answer
    0      Female                 0.5        Female
    1        Male                 0.2          Male
    """
    require_columns(frame, (LABEL, PROBABILITY))
    probability = frame[PROBABILITY].to_numpy(dtype=float)
    wrong = ~np.isnan(probability) & ~((probability >= 0) & (probability <= 1))
    if wrong.any():
        raise UsageError(
            f"expected probabilities of 0 to 1 in {PROBABILITY}, got {probability[wrong][0]:g}; {wrong.sum():,} are "
            "like that: give the estimator's output as probabilities, not as logits"
        )
    two = frame[LABEL].isin([POSITIVE, NEGATIVE])
    if len(others := frame[LABEL].dropna().unique()) and not two.any():
        raise UsageError(
            f"expected labels {POSITIVE} and {NEGATIVE} in {LABEL}, got only {', '.join(map(str, others[:5]))}; rename "
            "them in the labels"
        )
    answers = np.where(probability >= THRESHOLD, POSITIVE, NEGATIVE)
    judged = frame.assign(**{ANSWER: answers})[two & ~np.isnan(probability)]
    if isinstance(judged[LABEL].dtype, pd.CategoricalDtype):  # or groups without a face are left of the other labels
        names = [name for name in judged[LABEL].cat.categories if name in (POSITIVE, NEGATIVE)]
        judged[LABEL] = judged[LABEL].cat.set_categories(names)
    return judged


def count_answers(frame: pd.DataFrame) -> dict[str, int]:
    """How many faces are judged, and why others are not.

    Returns
    -------
    dict of str to int
        ``images`` = ``no_gender_label`` + ``other_gender_label`` + ``no_answer`` + ``judged``; the first that holds
        counts.

    Examples
    --------
    >>> faces = {"gender_real": ["Female", "Male", "Other", None], "probability_female": [0.5, None, 0.9, 0.9]}
    >>> count_answers(pd.DataFrame(faces))
    {'images': 4, 'no_gender_label': 1, 'other_gender_label': 1, 'no_answer': 1, 'judged': 1}
    """
    judged = len(answered_faces(frame))
    two = int(frame[LABEL].isin([POSITIVE, NEGATIVE]).sum())
    unlabelled = int(frame[LABEL].isna().sum())
    counts = {"images": len(frame), "no_gender_label": unlabelled, "other_gender_label": len(frame) - unlabelled - two}
    return counts | {"no_answer": two - judged, "judged": judged}


def gender_rates(frame: pd.DataFrame, features: str | Sequence[str] = (), with_all: Sequence[str] = ()) -> pd.DataFrame:
    """Accuracy and the confusion matrix of each group, as shares of the faces of each label.

    Groups differ in how many of their faces are labelled Female, on which accuracy depends where the two genders are
    not recognised alike; the rates do not.

    Parameters
    ----------
    frame : DataFrame
        As :func:`answered_faces`, with the features.
    features : str or sequence of str
        Columns; several make groups of their combinations. Without any, all faces.
    with_all : sequence of str
        As :func:`age_audit.core.groups.groups_of`.

    Returns
    -------
    DataFrame
        Five rows a group: ``rate``, whose share it is (``labelled``, ``"all"`` of accuracy), what is counted
        (``answered``, ``"as labelled"`` of accuracy), ``faces`` so answered out of ``n``, ``share`` (0-1) with Wilson's
        95 % interval ``low`` and ``high``, ``few_faces`` (n below 30). NaN of no face.

    Raises
    ------
    UsageError
        As :func:`answered_faces`.

    Examples
    --------
    >>> faces = {"gender_real": ["Female"] * 3 + ["Male"] * 2, "probability_female": [0.9, 0.8, 0.1, 0.2, 0.7]}
    >>> gender_rates(pd.DataFrame(faces))[["rate", "labelled", "answered", "faces", "n", "share"]].round(2)
                 rate labelled     answered  faces  n  share
    0        accuracy      all  as labelled      3  5   0.60
    1   true positive   Female       Female      2  3   0.67
    2  false negative   Female         Male      1  3   0.33
    3  false positive     Male       Female      1  2   0.50
    4   true negative     Male         Male      1  2   0.50
    """
    features = feature_names(features)
    faces = answered_faces(frame)
    require_columns(faces, features)
    label, answer = faces[LABEL].to_numpy(dtype=object), faces[ANSWER].to_numpy()
    rows = []
    for labels, inside in groups_of(faces, features, with_all):
        right = inside & (label == answer)
        rows.append(labels | _row(ACCURACY, ALL, "as labelled", right, inside))
        for rate, (labelled, said) in RATES.items():
            of = inside & (label == labelled)
            rows.append(labels | _row(rate, labelled, said, of & (answer == said), of))
    table = pd.DataFrame(rows)
    return table.assign(**share_columns(table["faces"], table["n"]), few_faces=table["n"] < FEW_FACES)


def _row(rate: str, labelled: str, answered: str, counted: np.ndarray, of: np.ndarray) -> dict:
    return {"rate": rate, "labelled": labelled, "answered": answered, "faces": counted.sum(), "n": of.sum()}


def equalised_odds(
    frame: pd.DataFrame,
    sensitive_features: str | Sequence[str],
    control_features: str | Sequence[str] = (),
    strata: str | Sequence[str] = (),
    *,
    resampling: Resampling,
    least: int = FEW_FACES,
    tolerance: float = TOLERANCE,
) -> pd.DataFrame:
    """How far groups are apart in both rates, and by the larger of the two, within each control level.

    Among several groups the two furthest apart are chosen for that, so that the gap is above 0 even where an estimator
    treats all alike: see ``by_chance``, and :func:`age_audit.stats.proportions.largest_gap` for the interval.

    With ``strata``, at equal ages: every group gets the ages of all faces of that label in the control level (direct
    standardisation; :mod:`age_audit.audit.errors.strata`), years being pooled until every group has ten faces in each.

    Parameters
    ----------
    frame : DataFrame
        As :func:`answered_faces`, with the features; with strata also ``age_real``.
    sensitive_features, control_features : str or sequence of str
        Columns. Several sensitive features make groups of their combinations.
    strata : str or sequence of str
        Columns, years or bands of age first.
    resampling : Resampling
        How intervals are drawn.
    least : int
        Faces of either label that a group has to have: with fewer, chance decides which groups are furthest apart.
    tolerance : float
        Years by which the groups' mean ages may still differ at equal ages.

    Returns
    -------
    DataFrame
        Three rows a control level, ``rate`` being ``"true positive"``, ``"false positive"`` and ``"equalised odds"``,
        which repeats what is said of the rate with the larger gap, ``decided_by``. Columns: the control features;
        ``rate``; ``decided_by``; ``ages`` (``"as they are"`` or ``"at equal ages"``); ``groups`` compared;
        ``left_out``, those with too few faces, by name; ``n`` faces and ``n_smallest_group``; ``highest_group`` with
        its rate ``highest``, ``lowest_group`` and ``lowest`` (0-1); ``gap`` with ``low`` and ``high``; ``by_chance``,
        the gap of groups that are all alike. With strata also ``strata`` and ``age_gap``, the largest difference of
        mean ages left, in years. NaN with fewer than two groups, with too few faces in the strata, or where ages differ
        by more than the tolerance.

    Raises
    ------
    UsageError
        As :func:`answered_faces`.
    ValueError
        If no sensitive feature is given.

    Examples
    --------
    >>> asian = pd.DataFrame({"gender_real": ["Female", "Male"] * 40, "race_real": "Asian", "probability_female": 0.9})
    >>> other = asian.assign(race_real="Other", probability_female=[0.9, 0.2] * 30 + [0.4, 0.2] * 10)
    >>> table = equalised_odds(pd.concat([asian, other]), "race_real", resampling=Resampling(seed=1))
    >>> table[["rate", "highest_group", "lowest_group", "gap"]]
                 rate highest_group lowest_group   gap
    0   true positive         Asian        Other  0.25
    1  false positive         Asian        Other  1.00
    2  equalised odds         Asian        Other  1.00
    """
    sensitive, control, bands = map(feature_names, (sensitive_features, control_features, strata))
    if not sensitive:
        raise ValueError("expected at least one sensitive feature, got none")
    require_columns(frame, (*sensitive, *control, *bands, *(["age_real"] if bands else [])))
    faces = answered_faces(frame)
    female = (faces[LABEL] == POSITIVE).to_numpy(dtype=bool)
    groups = {" / ".join(map(str, labels.values())): inside for labels, inside in groups_of(faces, sensitive)}
    rows = []
    for labels, level in groups_of(faces, control, control):
        inside = {name: level & group for name, group in groups.items()}
        kept = {name: group for name, group in inside.items() if _sizes(group, female).min() >= least}
        known = {"ages": AT_EQUAL_AGES if bands else AS_THEY_ARE, "groups": len(kept)}
        known["left_out"] = ", ".join(name for name in inside if name not in kept)
        found = [_compared(faces, kept, level, of, bands, tolerance) for of in (female, ~female)]
        gaps = [_gap([rates], resampling) for rates, _ in found] + [_gap([rates for rates, _ in found], resampling)]
        larger = int(np.argmax([gap.value for gap in gaps[:2]]))  # NaN counts as the largest
        for rate, gap, decides in zip((*_COMPARED, EQUALISED_ODDS), gaps, (0, 1, larger), strict=True):
            ends = {"gap": gap.value, "low": gap.low, "high": gap.high, "by_chance": gap.by_chance}
            rows.append(labels | {"rate": rate, "decided_by": _COMPARED[decides]} | known | found[decides][1] | ends)
    return pd.DataFrame(rows)


def _sizes(group: np.ndarray, female: np.ndarray) -> np.ndarray:
    return np.array([(group & female).sum(), (group & ~female).sum()])


def _compared(
    faces: pd.DataFrame,
    groups: Mapping[str, np.ndarray],
    level: np.ndarray,
    of: np.ndarray,
    bands: Sequence[str],
    tolerance: float,
) -> tuple[Rates | None, dict]:
    """The share answered Female of each group's faces of one label, or None, and what a row says of it."""
    sides = [group & of for group in groups.values()]
    nothing = {
        "n": int(sum(side.sum() for side in sides)),
        "n_smallest_group": min((s.sum() for s in sides), default=0),
    }
    nothing |= {"highest_group": "", "highest": np.nan, "lowest_group": "", "lowest": np.nan}
    nothing |= {"strata": 0, "age_gap": np.nan} if bands else {}
    if len(sides) < 2:
        return None, nothing
    masks, weights = [level & of], [1.0]
    if bands:
        there = pooled(runs_of(faces, bands, of), level, sides, LEAST)
        masks, weights = there.masks, there.shares
        nothing["strata"] = len(masks)
        if not there.enough:
            return None, nothing
    said = (faces[ANSWER] == POSITIVE).to_numpy()
    n = np.array([[(side & mask).sum() for mask in masks] for side in sides])
    rates = Rates(np.array([[(side & mask & said).sum() for mask in masks] for side in sides]), n, np.array(weights))
    row = nothing | {"n": int(n.sum()), "n_smallest_group": int(n.sum(axis=1).min())}
    if bands:
        age = np.mean(real_ages(faces), axis=0)
        means = np.array([[age[side & mask].mean() for mask in masks] for side in sides]) @ rates.weights
        row["age_gap"] = np.ptp(means)
        if row["age_gap"] > tolerance:
            return None, row
    names, shares = list(groups), rates.shares
    for end, place in (("highest", shares.argmax()), ("lowest", shares.argmin())):
        row |= {f"{end}_group": names[place], end: shares[place]}
    return rates, row


def _gap(rates: Iterable[Rates | None], resampling: Resampling) -> Gap:
    """What is drawn depends on the seed and these counts alone, so that the same faces have the same interval."""
    rates = list(rates)
    if any(rate is None for rate in rates):
        return Gap(*[np.nan] * 4)
    drawn_of = np.concatenate([numbers.ravel() for rate in rates for numbers in (rate.faces, rate.n)])
    return largest_gap(rates, **resampling.for_intervals(drawn_of.astype("<i8").tobytes()))


def gender_doubts(frames: Mapping[str, pd.DataFrame], sure: float = SURE) -> pd.DataFrame:
    """Faces whose gender label may be wrong: every estimator answers the other gender, and is sure of it.

    That all contradict a label does not prove it wrong: estimators learn from similar pictures, and err alike, most of
    all about children.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        By estimator, as :func:`answered_faces`, with ``fname``; the labels are those of the first.
    sure : float
        The probability of the other gender that each has to give, above 0.5.

    Returns
    -------
    DataFrame
        A row for each labelled face of the first, by ``fname``: ``estimators`` that answer it,
        ``lowest_probability`` and ``highest_probability`` of Female, and ``label_doubt`` (False where there are fewer
        than two).

    Raises
    ------
    UsageError
        As :func:`answered_faces`.

    Examples
    --------
    >>> one = pd.DataFrame({"fname": ["a", "b"], "gender_real": "Male", "probability_female": [0.97, 0.97]})
    >>> gender_doubts({"one": one, "two": one.assign(probability_female=[0.95, 0.6])})
           estimators  lowest_probability  highest_probability  label_doubt
    fname
    a               2                0.95                 0.97         True
    b               2                0.60                 0.97        False
    """
    judged = {name: answered_faces(frame).set_index("fname") for name, frame in frames.items()}
    first = next(iter(judged.values()))
    answers = pd.DataFrame({name: frame[PROBABILITY].reindex(first.index) for name, frame in judged.items()})
    count, low, high = answers.count(axis=1), answers.min(axis=1), answers.max(axis=1)
    against = np.where(first[LABEL] == POSITIVE, 1 - high, low)
    table = {"estimators": count, "lowest_probability": low, "highest_probability": high}
    return pd.DataFrame(table | {"label_doubt": (count >= 2) & (against >= sure)})
