"""A group's gap in mean absolute error against everybody else, at equal ages, and at equal ages and quality.

How much of the gap goes away is answered in two ways, side by side: by strata of age and quality in each of which the
group and the others are compared (direct standardisation), and by a model, in which one curve of age and one of each
measure serve everybody, with a random intercept for each cluster of near-duplicates. Strata ask for faces of both sides
in each; the model draws its curves through where there are none.

Whether to look at the gap at equal quality is not for data to say. Where quality is a *confounder*, groups differ in it
for reasons outside the estimator and its use (one group's faces were scanned from old prints), and the gap at equal
quality is the one to look at. Where it is a *mediator*, the group brings it along wherever it is photographed (dark
skin, exposed for light skin, is dark in the picture), and the gap as it is is what a user meets: to adjust would hide
it. :data:`ROLES` says which of the two a measure may be; both readings fit the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd

from age_audit.audit.dataset.quality_and_error import quality_bands
from age_audit.audit.errors.strata import LEAST, TOLERANCE, pooled, runs_of, values_and_ages
from age_audit.core.groups import cluster_codes, groups_of, require_columns
from age_audit.core.measures import MAE
from age_audit.core.randomness import CONFIDENCE
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.clustered import Influence, interval, of_coefficient, of_means, ratio_interval
from age_audit.stats.linear import bent_line

CONFOUNDER, MEDIATOR, EITHER = "confounder", "mediator", "either"
# As what each measure is to be read between groups of people, unless more is known of how the pictures were made.
ROLES = MappingProxyType(
    {
        "variance": EITHER,  # contrast: of the picture, but of skin against hair and background too
        "unique_colours": CONFOUNDER,  # compression, size and scanning
        "entropy": EITHER,
        "luminance": MEDIATOR,  # skin tone, then the camera's exposure
        "laplacian_variance": EITHER,  # blur is the camera's; wrinkles, beard and make-up are the face's
        "fft_blur": EITHER,
        "brisque": CONFOUNDER,
        "individual_typology_angle": MEDIATOR,  # skin tone, though light moves it
        "yaw": CONFOUNDER,  # who is photographed how
        "pitch": CONFOUNDER,
        "roll": CONFOUNDER,
    }
)
TOGETHER = "all measures"
STRATA, MODEL = "strata", "model"
MOST_LOST = 0.5  # of the group's faces: a gap that leaves out more does not speak of the group
MOST_UNSURE = 1.0  # width of the interval of a share: within a wider one, nothing and all of the gap may go away
_NOTHING = 1e-9  # years: what rounding leaves of a gap of which a measure that does not vary takes nothing
_BENDS = 3  # of the curve of each measure
VERDICTS = MappingProxyType(
    {
        "goes away": "at equal quality there is no gap that chance would not make, and quality takes some of it away",
        "shrinks": "quality takes some of the gap away, and some is left",
        "reverses": "at equal quality the gap is the other way round",
        "grows": "at equal quality the gap is larger",
        "appears": "there is a gap at equal quality only",
        "stays": "there is a gap at equal quality, and none of it is sure to be quality's",
        "undecided": "the faces are too few to say",
        "too little overlap": "more than half of the group's faces have no others of their age and quality",
        "ages too different": "within strata the groups' ages differ by more than a year all the same",
    }
)
_ESTIMATES = ("gap", "equal_age", "equal_quality", "removed", "share")


def gaps_at_equal_quality(
    frame: pd.DataFrame,
    sensitive_feature: str,
    measures: Sequence[str],
    *,
    ages: str = "age_real",
    clusters: str | None = None,
    least: int = LEAST,
    tolerance: float = TOLERANCE,
    confidence: float = CONFIDENCE,
) -> pd.DataFrame:
    """Each group's gap to everybody else in mean absolute error, raw, at equal ages, and at equal ages and quality.

    Strata are fifths of quality by years or bands of age, of which neighbours are pooled until both sides have
    ``least`` faces, as in :mod:`age_audit.audit.errors.equal_ages`. A fifth in which a side has fewer at all ages
    together is left out, and all numbers of a row, but for one, are of the faces that are left. The shares of strata,
    the bands and the score are taken as given.

    Parameters
    ----------
    frame : DataFrame
        One row a face: ``age_real``, ``age_estimation``, the feature and the measures.
    sensitive_feature : str
        Column.
    measures : sequence of str
        Columns of quality, NaN where not measured. Each is held equal alone, and if there are several all together: in
        the model side by side, in strata by fifths of the error that the model expects of them at equal ages in one
        group (a prognostic score, Hansen 2008; fitted to both sides).
    ages : str
        Column of years or bands of age.
    clusters : str, optional
        Column that says which faces are near-duplicates of each other; a face without stands alone.
    least : int
        Faces of either side in a stratum, 2 or more.
    tolerance : float
        Years by which mean ages may differ in equal strata.
    confidence : float
        Coverage of the intervals, between 0 and 1.

    Returns
    -------
    DataFrame
        One row a group, measure and way. Columns: ``group``; ``quality`` (the measure, or ``"all measures"``) and
        ``role`` (:data:`ROLES`; of all together empty); ``way``, ``"strata"`` or ``"model"``; ``n_group`` and
        ``n_other`` in common strata, ``n_group_lost`` and ``n_other_lost`` that have both ages but are in none;
        ``strata`` (how many); of the way by strata ``age_gap`` (years that are left between mean ages in them),
        ``quality_difference`` and ``quality_gap``: the group's mean rank of quality (0 to 1) less the others', at equal
        ages and in strata; fifths leave some tenth of it (Cochran 1968), and so of what quality makes of the gap;
        ``gap_of_all``, raw, of all faces with both ages; ``gap``, raw, ``equal_age``, ``equal_quality`` (and age),
        in years of mean absolute error, group less others; ``removed`` = equal_age - equal_quality, and ``share`` = the
        same over equal_age (Fieller's interval; NaN, which is undecided, where that is wider than 1, as it is where
        equal_age is near 0), each with ``…_low`` and ``…_high``; ``verdict``, of :data:`VERDICTS`; ``few_faces`` (fewer
        than 30 of either side).

    Raises
    ------
    UsageError
        If the frame lacks a column.
    ValueError
        If no measure is given, or a string instead of a list of them.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> race = np.repeat(["a", "b"], 500)
    >>> frame = pd.DataFrame({"age_real": 30, "race_real": race})
    >>> frame["blur"] = rng.normal(0, 1, 1000) + 0.8 * (race == "b")
    >>> frame["age_estimation"] = 40 + 2 * frame["blur"] + rng.normal(0, 1, 1000)  # blur, and nothing but blur
    >>> table = gaps_at_equal_quality(frame, "race_real", ["blur"])
    >>> table.loc[table["group"] == "b", ["way", "equal_age", "equal_quality", "share", "verdict"]].round(1)
          way  equal_age  equal_quality  share    verdict
    2  strata        1.6            0.2    0.9    shrinks
    3   model        1.6            0.1    1.0  goes away
    """
    if not measures or isinstance(measures, str):
        raise ValueError(f"expected a list of at least one measure of quality, got {measures!r}")
    require_columns(frame, ("age_real", "age_estimation", sensitive_feature, *measures, ages))
    error, years = values_and_ages(frame, [MAE.key])
    labelled = np.isfinite(error) & frame[sensitive_feature].notna().to_numpy() & frame[ages].notna().to_numpy()
    codes = None if clusters is None else cluster_codes(frame, clusters)
    rows = []
    for labels, inside in groups_of(frame, [sensitive_feature]):
        for quality in (*measures, *[TOGETHER] * (len(measures) > 1)):
            columns = list(measures) if quality == TOGETHER else [quality]
            there = labelled & frame[columns].notna().all(axis=1).to_numpy()
            sides = there & inside, there & ~inside
            value = _value(frame[columns], error, years, sides)
            cells = _overlapping(frame.assign(band=quality_bands(value)), [ages, "band"], sides, least)
            kept = _any(cells, there)
            of_age = _overlapping(frame, [ages], [kept & side for side in sides], least)
            scores = frame[columns], value, error, years
            found = _compared(scores, sides, (of_age, cells), codes, tolerance, confidence)
            counts = _counts(labelled & inside, labelled & ~inside, cells, error)
            role = "" if quality == TOGETHER else ROLES.get(quality, EITHER)
            names = {"group": labels[sensitive_feature], "quality": quality, "role": role}
            rows += [names | {"way": way} | counts | row for way, row in found.items()]
    return pd.DataFrame(rows, columns=_COLUMNS)


_COLUMNS = [
    *("group", "quality", "role", "way", "n_group", "n_other", "n_group_lost", "n_other_lost", "strata"),
    *("gap_of_all", "few_faces", "age_gap", "quality_difference", "quality_gap"),
    *(name + end for name in _ESTIMATES for end in ("", "_low", "_high")),
    "verdict",
]


def _value(values: pd.DataFrame, error: np.ndarray, years: np.ndarray, sides: Sequence[np.ndarray]) -> pd.Series:
    """One number for the quality of each face of both sides: the measure itself, or the score of several."""
    value = values.iloc[:, 0] if values.shape[1] == 1 else _score(values, error, years, sides)
    return value.where(sides[0] | sides[1])


def _score(values: pd.DataFrame, error: np.ndarray, years: np.ndarray, sides: Sequence[np.ndarray]) -> pd.Series:
    """The error that measures lead one to expect at equal ages in one group."""
    curves, both = _curves(values), sides[0] | sides[1]
    score = pd.Series(np.nan, values.index)
    if both.any():
        design = np.column_stack([curves[both], sides[0][both], bent_line(years[both])])
        coefficients = np.linalg.lstsq(design, error[both], rcond=None)[0]
        score[:] = curves @ coefficients[: curves.shape[1]]
    return score


def _curves(values: pd.DataFrame) -> np.ndarray:
    """Columns of a regression: of each measure's ranks a line that may bend; NaN where not measured."""
    ranks = (values.rank() - 0.5) / values.count()
    bent = []
    for name in values:
        rank = ranks[name].to_numpy(dtype=float)
        columns = np.full((len(rank), 1 + _BENDS), np.nan)
        measured = np.isfinite(rank)
        if measured.any():
            columns[measured] = bent_line(rank[measured], _BENDS)[:, 1:]
        bent.append(columns)
    return np.hstack(bent)


def _overlapping(frame: pd.DataFrame, columns: Sequence[str], sides: Sequence[np.ndarray], least: int) -> list:
    """Strata of which neighbours in age are pooled, but for those in which a side has too few faces all the same."""
    both = sides[0] | sides[1]
    strata = pooled(runs_of(frame, columns, both), both, sides, least).masks
    return [mask for mask in strata if min((mask & side).sum() for side in sides) >= least]


def _counts(group: np.ndarray, others: np.ndarray, strata: list[np.ndarray], error: np.ndarray) -> dict:
    kept = _any(strata, group)
    sizes = int((kept & group).sum()), int((kept & others).sum())
    row = {"n_group": sizes[0], "n_other": sizes[1], "n_group_lost": int(group.sum()) - sizes[0]}
    row |= {"n_other_lost": int(others.sum()) - sizes[1], "strata": len(strata)}
    both = group.any() and others.any()
    row["gap_of_all"] = error[group].mean() - error[others].mean() if both else np.nan
    return row | {"few_faces": min(sizes) < FEW_FACES}


def _any(masks: Sequence[np.ndarray], like: np.ndarray) -> np.ndarray:
    return np.logical_or.reduce(masks) if len(masks) else np.zeros_like(like)


def _compared(scores, sides, strata, codes, tolerance, confidence) -> dict[str, dict]:
    """By way what the table says of one group and measure; strata of age, and of age and quality."""
    kept = _any(strata[1], sides[0])
    if (kept & sides[0]).sum() <= MOST_LOST * sides[0].sum():
        nothing = dict.fromkeys(("age_gap", "quality_difference", "quality_gap"), np.nan)
        return dict.fromkeys((STRATA, MODEL), nothing | _refused("too little overlap"))
    values, value, error, years = (part[kept] for part in scores)
    group, codes = sides[0][kept], None if codes is None else codes[kept]
    of_age, cells = ([mask[kept] for mask in masks] for masks in strata)
    raw = of_means(error, [group, ~group], [1, -1])
    age_gap = max((_standardised(years, group, masks).value for masks in (of_age, cells)), key=abs)
    rank = (value.rank() / len(value)).to_numpy()
    found = {STRATA: _refused("ages too different")}
    if abs(age_gap) <= tolerance:
        sums = raw, _standardised(error, group, of_age), _standardised(error, group, cells)
        found[STRATA] = _row(*sums, codes, confidence)
    curve = bent_line(years)
    designs = curve, np.column_stack([curve, _curves(values)])
    sums = raw, *(of_coefficient(group, design, error, codes) for design in designs)
    found[MODEL] = _row(*sums, codes, confidence)
    gaps = {"age_gap": age_gap, "quality_difference": _standardised(rank, group, of_age).value}
    gaps |= {"quality_gap": _standardised(rank, group, cells).value}
    return {way: (gaps if way == STRATA else dict.fromkeys(gaps, np.nan)) | row for way, row in found.items()}


def _standardised(values: np.ndarray, group: np.ndarray, masks: Sequence[np.ndarray]) -> Influence:
    """The group less the others, each stratum weighted by its share of all faces."""
    shares = [mask.mean() for mask in masks]
    samples = [mask & side for side in (group, ~group) for mask in masks]
    return of_means(values, samples, [*shares, *(-share for share in shares)])


def _row(raw: Influence, equal_age: Influence, equal_quality: Influence, codes: np.ndarray, confidence: float) -> dict:
    removed = equal_age - equal_quality
    ends = [interval(sum_, codes, confidence) for sum_ in (raw, equal_age, equal_quality, removed)]
    if max(map(abs, ends[-1])) < _NOTHING:
        ends[-1] = (0.0, 0.0, 0.0)
    row = {}
    share = ratio_interval(removed, equal_age, codes, confidence)
    share = share if share[2] - share[1] <= MOST_UNSURE else (np.nan,) * 3
    for name, found in zip(_ESTIMATES, [*ends, share], strict=True):
        row |= dict(zip((name, f"{name}_low", f"{name}_high"), found, strict=True))
    return row | {"verdict": verdict(*ends[1:])}


def _refused(why: str) -> dict:
    columns = [name + end for name in _ESTIMATES for end in ("", "_low", "_high")]
    return dict.fromkeys(columns, np.nan) | {"verdict": why}


def verdict(equal_age: Sequence[float], equal_quality: Sequence[float], removed: Sequence[float]) -> str:
    """What becomes of a gap, of :data:`VERDICTS`, from its value, low and high at equal ages and at equal quality too.

    Examples
    --------
    >>> verdict((2, 1, 3), (0.2, -0.5, 0.9), (1.8, 1, 2.6)), verdict((2, 1, 3), (1.9, 1, 2.8), (0.1, -0.1, 0.3))
    ('goes away', 'stays')
    >>> verdict((0.5, -0.3, 1.3), (0.1, -0.5, 0.7), (0.4, -0.1, 0.9))
    'undecided'
    """
    gap, left, gone = (_sure_sign(found) for found in (equal_age, equal_quality, removed))
    if not gap:
        return "appears" if left and gone else "undecided"
    if gone == -gap:
        return "grows"
    return {(1, 0): "goes away", (1, 1): "shrinks", (1, -1): "reverses", (0, 1): "stays"}.get(
        (gone * gap, left * gap), "undecided"
    )


def _sure_sign(found: Sequence[float]) -> int:
    """1 or -1 of a number whose interval excludes 0, else 0."""
    _, low, high = found
    return int(low > 0) - int(high < 0)
