"""Is one gender misclassified for another part of the face than the other, and is an unequal error an unfair one?

A published analysis of gender classifiers boxes the most salient pixels of each face, names a box after the part of
the face that it lies on (:mod:`age_audit.regions.boxes`), and compares how often each part is so named, active, among
the misclassified faces of either gender: the absolute difference is the part's bias score, and the mean over parts the
overall one. Beside it stands a score of equalised odds (Hardt, Price and Srebro 2016).

An absolute difference is above 0 whatever it is of, and the larger the fewer faces there are, so a score says nothing
without what permuted genders score. Nor does it speak of errors alone: where a part is as unequally active among the
faces that are classified rightly, it is looked at unequally, not misleading. The same is asked here of ages that are
estimated too high or too low, and of any groups; at equal ages or at equal estimates in
:mod:`age_audit.audit.box_bias_at_equal`. How often boxes of the same size would be named after a part by chance is in
:mod:`age_audit.audit.box_chance`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from age_audit.core.groups import ALL, feature_names, groups_of, levels, real_ages, require_columns
from age_audit.core.metrics import signed_error
from age_audit.core.randomness import Resampling
from age_audit.core.vocabulary import FEW_FACES
from age_audit.regions.boxes import BOX_REGIONS
from age_audit.stats.proportions import share_columns
from age_audit.stats.resampling import (
    combination_interval,
    means_of_draws,
    sums_of_dealt,
    with_adjusted,
)
from age_audit.stats.shuffles import FEWEST, beside_shuffled

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
        For an unknown preset, ``"published"`` of groups that are not the real classes, or predicted classes that are
        spelled otherwise than the real ones.

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
    _check_spelling(truth, guess)
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


def _check_spelling(truth: Iterable, guess: Iterable) -> None:
    """Refuse predicted classes that are real ones spelled otherwise: each would be wrong, or in no rate."""
    real, strange = set(truth), set(guess) - set(truth)
    alike = {str(name).strip().casefold() for name in real} & {str(name).strip().casefold() for name in strange}
    if alike or (len(real) > 1 and strange and strange == set(guess)):
        raise ValueError(
            f"expected real and predicted classes that are spelled alike, got {sorted(map(repr, real))} and "
            f"{sorted(map(repr, set(guess)))}; rename one of them"
        )


def _with_all(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """The columns, each once, of the faces that have all of them."""
    return frame[list(dict.fromkeys(columns))].dropna()


def _same(used: pd.DataFrame, protected: str, true: str) -> bool:
    """Whether the groups are the real classes."""
    return protected == true or bool((used[protected].astype(object) == used[true].astype(object)).all())


MISCLASSIFIED, RIGHTLY = "misclassified", "classified rightly"
OVER, UNDER, WITHIN = "estimated too old", "estimated too young", "within the limit"
LIMIT = 10.0  # years, as the study's


def classification_outcomes(frame: pd.DataFrame, true: str, predicted: str) -> pd.Series:
    """Whether each face is misclassified.

    Parameters
    ----------
    frame : DataFrame
        One row a face.
    true, predicted : str
        Columns of the real and the predicted class, spelled alike.

    Returns
    -------
    Series of category
        ``"misclassified"`` or ``"classified rightly"``, NaN where either is missing; the frame's index.

    Examples
    --------
    >>> frame = pd.DataFrame({"gender_real": ["Male", "Female", None], "guess": ["Female", "Female", "Male"]})
    >>> classification_outcomes(frame, "gender_real", "guess").tolist()
    ['misclassified', 'classified rightly', nan]
    """
    require_columns(frame, (true, predicted))
    truth, guess = frame[true].astype(object), frame[predicted].astype(object)
    _check_spelling(truth.dropna(), guess.dropna())
    codes = np.where(truth.isna() | guess.isna(), -1, (truth == guess).astype(int))
    return pd.Series(pd.Categorical.from_codes(codes, [MISCLASSIFIED, RIGHTLY]), frame.index)


def age_outcomes(frame: pd.DataFrame, limit: float = LIMIT) -> pd.Series:
    """Whether the age of each face is estimated too high or too low by more than a limit.

    Parameters
    ----------
    frame : DataFrame
        One row a face, with ``age_real`` and ``age_estimation`` in years; of labels that are a range of ages see
        :func:`age_audit.core.groups.real_ages`.
    limit : float
        In years, 0 or more; an estimate that is off by exactly so much is within.

    Returns
    -------
    Series of category
        ``"estimated too old"``, ``"estimated too young"`` or ``"within the limit"``, NaN without a real age or an
        estimate; the frame's index.

    Raises
    ------
    UsageError
        If the frame lacks a column.
    ValueError
        If the limit is below 0.

    Examples
    --------
    >>> age_outcomes(pd.DataFrame({"age_real": [30, 30, 30], "age_estimation": [40.5, 40.0, 12.0]})).tolist()
    ['estimated too old', 'within the limit', 'estimated too young']
    """
    if not limit >= 0:
        raise ValueError(f"expected a limit of 0 years or more, got {limit}")
    require_columns(frame, ("age_real", "age_estimation"))
    error = signed_error(frame["age_estimation"], *real_ages(frame))
    codes = np.select([np.isnan(error), error > limit, error < -limit], [-1, 0, 1], 2)
    return pd.Series(pd.Categorical.from_codes(codes, [OVER, UNDER, WITHIN]), frame.index)


def feature_probabilities(
    frame: pd.DataFrame,
    protected: str,
    true: str,
    predicted: str,
    *,
    regions: Sequence[str] = BOX_REGIONS,
    among: str = MISCLASSIFIED,
) -> pd.DataFrame:
    """How often each part of the face is active among the misclassified faces of each group, as published.

    Parameters
    ----------
    frame : DataFrame
        One row a face, with the columns named here and ``active_<region>`` (True, False, or NaN where a face has no
        boxes for want of landmarks or of an explanation) as :func:`age_audit.regions.boxes.active_regions` gives them.
    protected, true, predicted : str
        Columns of the groups and of the real and the predicted class.
    regions : sequence of str
        Parts of the face.
    among : str
        ``"misclassified"``, or ``"classified rightly"``.

    Returns
    -------
    DataFrame
        One row a region, one column a group, 0-1; NaN of a group without such a face. A face without any box counts: no
        part of it is active. How many faces there are, and how sure it is, says :func:`activation_shares`.

    Raises
    ------
    UsageError
        If the frame lacks a column.
    ValueError
        For an unknown ``among``, or a value of ``active_<region>`` that is neither 0 nor 1.

    Examples
    --------
    >>> frame = pd.DataFrame({"gender_real": ["Male"] * 2 + ["Female"] * 4, "guess": ["Female"] * 2 + ["Male"] * 4})
    >>> frame = frame.assign(active_nose=[1, 1, 1, 0, 0, 0], active_lips=[0, 0, 1, 1, 1, 0])
    >>> probabilities = feature_probabilities(frame, "gender_real", "gender_real", "guess", regions=["nose", "lips"])
    >>> probabilities
    group   Female  Male
    region
    nose      0.25   1.0
    lips      0.75   0.0
    >>> overall_bias_score(feature_bias_scores(probabilities))
    0.75
    """
    if among not in (MISCLASSIFIED, RIGHTLY):
        raise ValueError(f"expected faces that are {MISCLASSIFIED!r} or {RIGHTLY!r}, got {among!r}")
    outcome = classification_outcomes(frame, true, predicted)
    table = activation_shares(frame, protected, outcome, regions=regions)
    shares = table[table["outcome"] == among].set_index("region")
    by_group = {name: shares.loc[shares[protected] == name, "share"] for name in dict.fromkeys(shares[protected])}
    return pd.DataFrame(by_group, list(regions)).rename_axis(index="region", columns="group")


def feature_bias_scores(probabilities: pd.DataFrame) -> pd.Series:
    """Bias score of each part: by how much its probability differs between the two groups.

    Parameters
    ----------
    probabilities : DataFrame
        From :func:`feature_probabilities`: two columns. Of more groups, pick two.

    Returns
    -------
    Series of float
        By region, 0-1, not rounded; NaN where a group has no face.

    Raises
    ------
    ValueError
        If there are not two groups.

    Examples
    --------
    >>> feature_bias_scores(pd.DataFrame({"Female": [0.25, 0.5], "Male": [0.75, 0.5]}, ["nose", "lips"])).to_dict()
    {'nose': 0.5, 'lips': 0.0}
    """
    if probabilities.shape[1] != 2:
        raise ValueError(f"expected the probabilities of two groups, got {list(probabilities.columns)}; pick two")
    return (probabilities.iloc[:, 1] - probabilities.iloc[:, 0]).abs().rename("score")


def overall_bias_score(scores: pd.Series | Mapping[str, float]) -> float:
    """Mean bias score of all parts, rounded to 3 decimals as published.

    Parameters
    ----------
    scores : Series, or mapping of str to float
        From :func:`feature_bias_scores`.

    Returns
    -------
    float
        0-1; NaN if a score is. Above 0 even where only chance is at work: :func:`bias_table` says by how much.

    Raises
    ------
    ValueError
        For no scores.

    Examples
    --------
    >>> overall_bias_score({"nose": 0.5, "lips": 0.0, "left_eye": 0.1})
    0.2
    """
    if not len(scores):
        raise ValueError("expected the score of at least one part, got none")
    return round(float(np.mean(list(scores.values() if isinstance(scores, Mapping) else scores))), DIGITS)


def known_activity(
    frame: pd.DataFrame, regions: Sequence[str], columns: Sequence[str] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Which regions of each face are active, 0 or 1, float (R, N), and for which faces that is known, bool (N,).

    A UsageError if the frame lacks ``active_<region>`` or one of the further columns, a ValueError for values that are
    neither 0 nor 1.

    Examples
    --------
    >>> known_activity(pd.DataFrame({"active_nose": [True, None, False]}), ["nose"])
    (array([[ 1., nan,  0.]]), array([ True, False,  True]))
    """
    if isinstance(regions, str):
        raise ValueError(f"expected a list of regions, got the text {regions!r}; put it in brackets")
    names = [f"active_{region}" for region in regions]
    require_columns(frame, (*names, *columns))
    if text := [name for name in names if any(isinstance(value, str) for value in frame[name])]:
        raise ValueError(f"expected True or False in {text[0]}, or 1 and 0, got text; turn it into numbers first")
    active = frame[names].to_numpy(dtype=float, na_value=np.nan).T
    known = np.isfinite(active).all(axis=0)
    if not np.isin(active[:, known], (0, 1)).all():
        raise ValueError("expected True or False in the columns active_<region>, or 1 and 0")
    return active, known


def kinds_of(outcome: pd.Series, frame: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
    """Each outcome with its faces, bool (N,); a ValueError if the outcomes are not those of the same faces, in order.

    Examples
    --------
    >>> frame = pd.DataFrame({"gender_real": ["Male", "Male"], "guess": ["Male", "Female"]})
    >>> for kind, faces in kinds_of(classification_outcomes(frame, "gender_real", "guess"), frame):
    ...     print(kind, faces)
    misclassified [False  True]
    classified rightly [ True False]
    """
    if len(outcome) != len(frame):
        raise ValueError(f"expected an outcome a face, {len(frame)}, got {len(outcome)}")
    if not outcome.index.equals(frame.index):
        raise ValueError(
            "expected outcomes with the index of the faces, in the same order, got another; take them from this frame "
            "after it is sorted or filtered"
        )
    for kind in levels(outcome):
        yield kind, (outcome == kind).to_numpy(dtype=bool)


def activation_shares(
    frame: pd.DataFrame,
    protected: str | Sequence[str],
    outcome: pd.Series,
    control_features: str | Sequence[str] = (),
    *,
    regions: Sequence[str] = BOX_REGIONS,
) -> pd.DataFrame:
    """How often each part of the face is active, given the outcome, in each group: with n and intervals.

    Parameters
    ----------
    frame : DataFrame
        As :func:`feature_probabilities`.
    protected : str or sequence of str
        Columns; several make groups of their combinations.
    outcome : Series
        Of every face, from :func:`classification_outcomes` or :func:`age_outcomes`.
    control_features : str or sequence of str
        Columns within whose levels, and over ``"all"``, shares are taken, such as the age range.
    regions : sequence of str

    Returns
    -------
    DataFrame
        One row a control level, outcome, group and region. Columns: the control features; ``outcome``; the sensitive
        features; ``region``; ``n`` (faces of the outcome with known boxes); ``active`` (of them); ``share`` with
        ``low`` and ``high`` (Wilson's interval of 95 %: the bootstrap's has no width where a part is never active);
        ``few_faces`` (n below 30).

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Examples
    --------
    >>> frame = pd.DataFrame({"age_real": [30] * 4, "age_estimation": [50, 52, 47, 31], "active_nose": [1, 0, 0, 1]})
    >>> frame["gender_real"] = ["Male", "Male", "Female", "Female"]
    >>> table = activation_shares(frame, "gender_real", age_outcomes(frame), regions=["nose"])
    >>> table.loc[table["outcome"] == "estimated too old", ["gender_real", "region", "n", "active", "share"]]
      gender_real region  n  active  share
    0      Female   nose  1       0    0.0
    1        Male   nose  2       1    0.5
    """
    sensitive, control = feature_names(protected), feature_names(control_features)
    active, used = known_activity(frame, regions, (*sensitive, *control))
    rows = []
    for labels, level in groups_of(frame, control, control):
        for kind, of_kind in kinds_of(outcome, frame):
            for names, group in groups_of(frame, sensitive):
                faces = level & of_kind & group & used
                n, counts = int(faces.sum()), active[:, faces].sum(axis=1)
                shares = pd.DataFrame({"region": list(regions), "n": n, "active": counts.astype(int)})
                shares = shares.assign(**share_columns(counts, np.full(len(counts), n)), few_faces=n < FEW_FACES)
                rows += [labels | {"outcome": kind} | names | row for row in shares.to_dict("records")]
    columns = [*control, "outcome", *sensitive, "region", "n", "active", "share", "low", "high", "few_faces"]
    return pd.DataFrame(rows, columns=columns)


def bias_table(
    frame: pd.DataFrame,
    protected: str,
    outcome: pd.Series,
    control_features: str | Sequence[str] = (),
    *,
    resampling: Resampling,
    regions: Sequence[str] = BOX_REGIONS,
) -> pd.DataFrame:
    """Bias scores of every two groups, given the outcome, beside what permuted groups score.

    Null hypothesis of each row: among the faces of this outcome and control level, which parts are active does not
    depend on the group, so that which face is of which group is arbitrary. All parts are tested on the same deals.

    Parameters
    ----------
    frame, outcome, control_features, regions
        As :func:`activation_shares`.
    protected : str
        Column of the groups.
    resampling : Resampling
        How intervals and p-values are drawn: by rows, so that those in another order give what another seed would.

    Returns
    -------
    DataFrame
        One row a control level, outcome, pair of groups and region, and after the regions one for their mean, region
        ``"all"``: the overall score. Columns: the control features; ``outcome``; ``group``, ``other``; ``region``;
        ``n_group``, ``n_other``; ``share_group``, ``share_other``; ``difference`` = group - other with ``low`` and
        ``high`` (bootstrap; in the rows ``"all"`` those of the overall score, which is a mean of absolute values: its
        interval never holds 0); ``score`` (absolute difference, or mean of them), not rounded; ``score_shuffled`` (mean
        score of permuted groups) with ``score_low`` and ``score_high`` (2.5 % and 97.5 % points) and ``score_ratio`` to
        it; ``p_value``, two-sided; ``p_holm`` and ``p_bh`` (adjusted over all regions of one outcome, and the rows
        ``"all"`` among themselves); ``few_faces`` (fewer than 30 of either). NaN with fewer than two faces of either.

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Examples
    --------
    >>> frame = pd.DataFrame({"gender_real": ["Male", "Female"] * 20, "guess": ["Female", "Male"] * 20})
    >>> frame = frame.assign(active_nose=frame["gender_real"] == "Male", active_lips=np.arange(40) < 20)
    >>> outcome = classification_outcomes(frame, "gender_real", "guess")
    >>> table = bias_table(frame, "gender_real", outcome, resampling=Resampling(seed=1), regions=["nose", "lips"])
    >>> table.loc[table["outcome"] == "misclassified", ["region", "n_group", "n_other", "difference", "score"]]
      region  n_group  n_other  difference  score
    0   nose       20       20        -1.0    1.0
    1   lips       20       20         0.0    0.0
    2    all       20       20         NaN    0.5
    """
    control = feature_names(control_features)
    active, used = known_activity(frame, regions, (protected, *control))
    groups = [(labels[protected], inside & used) for labels, inside in groups_of(frame, [protected])]
    drawn = resampling.for_intervals("bias of regions")
    rows = []
    for labels, level in groups_of(frame, control, control):
        for kind, of_kind in kinds_of(outcome, frame):
            for (name, first), (other, second) in combinations(groups, 2):
                samples = active[:, level & of_kind & first], active[:, level & of_kind & second]
                names = labels | {"outcome": kind, "group": name, "other": other}
                rows += [names | row for row in _scored(samples, regions, drawn, resampling)]
    columns = [*control, "outcome", "group", "other", *_SCORED, "family"]
    table = with_adjusted(pd.DataFrame(rows, columns=columns), ["outcome", "family"])
    return table[[*columns[:-2], "p_holm", "p_bh", "few_faces"]]


def reversed_parts(table: pd.DataFrame, alpha: float = 0.05) -> pd.DataFrame:
    """Parts that are unequally active on misclassified faces, and the other way round on those classified rightly.

    Of two classes, who is misclassified got the answer of the other: the groups differ in the answer as much as the
    labels say. A part that an estimator looks at when it gives one of the answers, whoever is on the picture, is
    unequally active with one sign among misclassified faces and the other among the rest; one that it looks at in one
    group, whatever it answers, has the same sign in both. Signs alone do not say that nothing but the answer counts:
    compare misclassified and other faces of the same answer as well.

    Parameters
    ----------
    table : DataFrame
        From :func:`bias_table`, by real classes, without control features.
    alpha : float
        Level of p after Holm's adjustment, of both outcomes.

    Returns
    -------
    DataFrame
        One row a pair: ``group``, ``other``, ``n_group``, ``n_other`` (misclassified), ``parts`` (that differ on
        misclassified faces), ``reversed`` (of these, how many differ with the other sign on the rest), ``alike`` (with
        the same sign), ``score`` and ``score_shuffled`` of all parts on misclassified faces.

    Raises
    ------
    UsageError
        If a column is missing.

    Examples
    --------
    >>> label, answer = np.repeat(["Female", "Male"], 80), np.tile(["Female", "Male"], 80)
    >>> frame = pd.DataFrame({"gender_real": label, "guess": answer, "active_nose": answer == "Female"})
    >>> frame["active_lips"] = label == "Female"
    >>> outcome = classification_outcomes(frame, "gender_real", "guess")
    >>> found = bias_table(frame, "gender_real", outcome, resampling=Resampling(1, 99, 99), regions=["nose", "lips"])
    >>> reversed_parts(found)[["group", "other", "parts", "reversed", "alike", "score"]]
        group other  parts  reversed  alike  score
    0  Female  Male      2         1      1    1.0
    """
    columns = ("outcome", "group", "other", "region", "n_group", "n_other", "difference", "p_holm", "score")
    require_columns(table, (*columns, "score_shuffled"))
    rows = []
    for names, of_pair in table.groupby(["group", "other"], sort=False, observed=True):
        wrongly, rightly = (
            of_pair[of_pair["outcome"] == kind].set_index("region") for kind in (MISCLASSIFIED, RIGHTLY)
        )
        if wrongly.empty:
            continue
        parts = wrongly[(wrongly["p_holm"] < alpha) & (wrongly.index != ALL)]
        others = rightly.reindex(parts.index)
        signs = np.sign(parts["difference"] * others["difference"])[others["p_holm"] < alpha].tolist()
        row = dict(zip(("group", "other"), names, strict=True)) | wrongly.loc[ALL].to_dict()
        rows.append(row | {"parts": len(parts), "reversed": signs.count(-1), "alike": signs.count(1)})
    return pd.DataFrame(rows, columns=_REVERSED)


_REVERSED = ["group", "other", "n_group", "n_other", "parts", "reversed", "alike", "score", "score_shuffled"]
_SCORED = [
    *("region", "n_group", "n_other", "share_group", "share_other", "difference", "low", "high"),
    *("score", "score_shuffled", "score_low", "score_high", "score_ratio", "p_value", "few_faces"),
]


def _scored(samples: tuple[np.ndarray, np.ndarray], regions: Sequence[str], drawn: dict, resampling) -> list[dict]:
    """What :func:`bias_table` says of two samples, (R, n) and (R, m)."""
    sizes = [sample.shape[1] for sample in samples]
    means = [sample.mean(axis=1) if sample.shape[1] else np.full(len(regions), np.nan) for sample in samples]
    found = combination_interval(samples, [1, -1], **drawn)
    scores = np.full((2, len(regions)), np.nan)
    ends = [np.nan, np.nan]
    if min(sizes) >= FEWEST:
        scores = _scores_of_deals(samples, drawn["rng"], resampling.permutations)
        draws = [means_of_draws(sample, rng=drawn["rng"], draws=resampling.draws) for sample in samples]
        tails = [(1 - resampling.confidence) / 2, (1 + resampling.confidence) / 2]
        ends = np.quantile(np.abs(draws[0] - draws[1]).mean(axis=1), tails)
    rows = [
        {"region": region, "share_group": means[0][i], "share_other": means[1][i], "difference": found.value[i]}
        | {"low": found.low[i], "high": found.high[i], "family": "regions"}
        | beside_shuffled("score", scores[:, i])
        for i, region in enumerate(regions)
    ]
    overall = {"region": ALL, "low": ends[0], "high": ends[1], "family": ALL}
    rows.append(overall | beside_shuffled("score", scores.mean(axis=1)))
    counts = {"n_group": sizes[0], "n_other": sizes[1], "few_faces": min(sizes) < FEW_FACES}
    return [row | counts for row in rows]


def _scores_of_deals(samples: Sequence[np.ndarray], rng: np.random.Generator, permutations: int) -> np.ndarray:
    """Absolute differences as they are, then with groups permuted, (1 + K, R)."""
    both = np.concatenate(samples, axis=1)
    smaller, larger = sorted(samples, key=lambda sample: sample.shape[1])
    sums = np.vstack(
        [smaller.sum(axis=1), sums_of_dealt(np.ascontiguousarray(both.T), smaller.shape[1], rng, permutations)]
    )
    return np.abs(sums / smaller.shape[1] - (both.sum(axis=1) - sums) / larger.shape[1])
