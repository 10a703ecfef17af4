"""Appendix A: the study's table of every age range, gender and race, and what the audit puts beside it.

Rows and frames in, DataFrames out. All tables have one row a group in the study's order: age ranges, within them
genders, within these races.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations as permutations_of

import numpy as np
import pandas as pd
import scipy

from age_audit.audit.errors.groups import disaggregate
from age_audit.audit.errors.rank_tests import rank_tests
from age_audit.core.groups import ALL, feature_title, groups_of, require_columns
from age_audit.core.measures import COMPARED, MAE, MEASURES
from age_audit.core.randomness import PERMUTATIONS, Resampling
from age_audit.recheck.normality import normality_tests
from age_audit.stats.normality import FEWEST_FOR_SKEW
from age_audit.stats.resampling import with_adjusted
from age_audit.study.appendix_a import age_range_names

FEATURES = ("gender_real", "race_real")  # what groups are combined of, within age ranges
UNITS = {"decades": 0.1, "years": 1.0, "months": 12.0}  # how many of them are a year
AS_THEY_ARE, SAME_AGE = "as they are", "at the same real age"


def questions(features: Sequence[str] = FEATURES) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """What is asked: (question, features compared, features within), of each feature within the others and of all."""
    titles = dict(zip(features, map(feature_title, features), strict=True))
    asked = [
        (f"{titles[one]} within {titles[other]}", (one,), ("age_range", other))
        for one, other in permutations_of(reversed(features), 2)
    ]
    return [*asked, (" × ".join(titles.values()), tuple(features), ("age_range",))]


def words(features: Sequence[str] = FEATURES) -> dict[str, str | dict[str, str]]:
    """What sentences call the features: all, those that the first question is asked within, and that question."""
    names = [feature_title(column) for column in features]
    within = [*names[:-1], "age_range"]
    columns = {"groups": dict(zip(names, names, strict=True)), "within": dict(zip(within, within, strict=True))}
    return columns | {"asked_first": questions(features)[0][0], "compared_name": names[-1]}


def audit_table(frame: pd.DataFrame, features: Sequence[str] = FEATURES, *, resampling: Resampling) -> pd.DataFrame:
    """Errors of every age range, gender and race, and their differences to all faces of the age range.

    Parameters
    ----------
    frame : DataFrame
        From :mod:`age_audit.data.frames`.
    features : sequence of str
        Columns of what groups are combined of: gender and race, or others.
    resampling : Resampling
        As for :func:`age_audit.audit.errors.groups.disaggregate`, whose measures these are.

    Returns
    -------
    DataFrame
        One row a group: ``age_range``, ``gender``, ``race``, ``n``, ``n_age_range``, ``few_faces``; each measure with
        ``_low`` and ``_high``; and for each measure but the study's accuracy (a test of it is that of the mean
        absolute error) ``<measure>_to_overall`` (group less all faces of the age range) with ``_low`` and ``_high``,
        ``<measure>_p_value``, ``_p_holm`` and ``_p_bh`` (over all groups of all age ranges), ``_cliffs_delta`` against
        all other faces of the age range. NaN where a group has no face, and from the interval on where it has one.
    """
    require_columns(frame, ("age_range", *features))
    estimates, differences = [], []
    for label in frame["age_range"].cat.categories:
        found = disaggregate(frame[frame["age_range"] == label], features, resampling=resampling, between=False)
        n_age_range = found.overall["n"].iloc[0]
        estimates.append(found.by_group.assign(age_range=label, n_age_range=n_age_range))
        differences.append(found.difference.assign(age_range=label))
    compared = with_adjusted(pd.concat(differences, ignore_index=True), ["measure"])
    groups = pd.concat(estimates, ignore_index=True)
    groups["group"] = groups[list(features)].astype(str).agg(" / ".join, axis=1)
    key = ["age_range", "group"]
    table = groups[groups["measure"] == MAE.key].set_index(key)
    table = table[[*features, "n", "n_age_range", "few_faces"]].rename(columns=feature_title)
    for measure in MEASURES:
        part = groups[groups["measure"] == measure].set_index(key)
        table[[measure, f"{measure}_low", f"{measure}_high"]] = part[["value", "low", "high"]]
    for measure in COMPARED:
        part = compared[compared["measure"] == measure].set_index(key)
        to_overall = f"{measure}_to_overall"
        table[[to_overall, f"{to_overall}_low", f"{to_overall}_high"]] = part[["difference", "low", "high"]]
        for name in ("p_value", "p_holm", "p_bh", "cliffs_delta"):
            table[f"{measure}_{name}"] = part[name]
    return table.reset_index("group", drop=True).reset_index()


def beside_published(audit: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """The audit's table with the study's mean, deviation and verdict of the same groups after their names.

    Parameters
    ----------
    audit, published : DataFrame
        From :func:`audit_table` and :func:`published_table`, of the same faces.
    """
    names = list(audit.columns[: audit.columns.get_loc("n")])
    named = published.assign(age_range=age_range_names(published)).set_index(names)
    chosen = named[["mean", "standard_deviation", "normality_test_passed"]].add_prefix("published_").reset_index()
    text = dict.fromkeys(names, str)
    joined = audit.astype(text).merge(chosen.astype(text), how="left", on=list(text), sort=False)
    first = [*text, "n", "n_age_range", "few_faces", *(name for name in joined if name.startswith("published_"))]
    return joined[[*first, *(name for name in joined if name not in first)]]


def normality_table(
    sets: Mapping[str, pd.DataFrame],
    features: Sequence[str] = FEATURES,
    *,
    seed: int,
    alpha: float = 0.05,
    **options,
) -> pd.DataFrame:
    """:func:`age_audit.recheck.normality.normality_tests` of every group, for several sets of faces.

    Parameters
    ----------
    sets : mapping of str to DataFrame
        Frames from :mod:`age_audit.data.frames` by what their faces are called, which is the first column ``faces``;
        p-values are adjusted within each.
    features
        As :func:`audit_table`.
    seed, alpha, options
        As there.
    """
    parts = []
    for name, frame in sets.items():
        tests = normality_tests(frame, ["age_range", *features], seed=seed, alpha=alpha, **options)
        tests = tests.rename(columns=feature_title)
        tests.insert(0, "faces", name)
        parts.append(tests)
    return pd.concat(parts, ignore_index=True)


def normality_verdicts(tests: pd.DataFrame, alpha: float = 0.05) -> pd.DataFrame:
    """How many groups each way of testing for normality rejects.

    Parameters
    ----------
    tests : DataFrame
        From :func:`normality_table`.
    alpha : float

    Returns
    -------
    DataFrame
        One row a set of ``faces``. Columns: ``groups``, ``tested`` (8 faces or more), ``median_n`` of the tested;
        ``rejected`` (what the study's table calls passed), ``rejected_holm``, ``rejected_bh``,
        ``rejected_simulated``, ``rejected_unrounded``, ``changed_by_rounding`` (verdicts that differ between rounded
        and unrounded estimates), ``rejected_real_ages``; ``tested_at_least_100`` and ``rejected_at_least_100`` of
        groups with 100 faces or more, ``tested_below_100`` and ``rejected_below_100`` of the others.
    """
    rows = []
    for name, group in tests.groupby("faces", sort=False):
        tested = group[group["p_value"].notna()]
        rejected = tested["p_value"] < alpha
        row = {"faces": name, "groups": len(group), "tested": len(tested), "median_n": tested["n"].median()}
        row |= {"rejected": int(rejected.sum())}
        for way in ("holm", "bh", "simulated", "unrounded"):
            row[f"rejected_{way}"] = int((tested[f"p_{way}"] < alpha).sum())
        row["changed_by_rounding"] = int((rejected != (tested["p_unrounded"] < alpha)).sum())
        row["rejected_real_ages"] = int((tested["p_real_ages"] < alpha).sum())
        for words, chosen in (("at_least_100", tested["n"] >= 100), ("below_100", tested["n"] < 100)):
            row |= {f"tested_{words}": int(chosen.sum()), f"rejected_{words}": int((rejected & chosen).sum())}
        rows.append(row)
    return pd.DataFrame(rows)


def chi_square_units(frame: pd.DataFrame, features: Sequence[str] = FEATURES) -> pd.DataFrame:
    """The study's chi-square of the same estimates, told in years and in other units.

    The statistic is the sum of (x - mean)² / mean, so n times variance / mean: of ages c times as large it is c times
    as large, while what it is compared with stays the same.

    Parameters
    ----------
    frame : DataFrame
        From :mod:`age_audit.data.frames`.
    features
        As :func:`audit_table`.

    Returns
    -------
    DataFrame
        One row a group: ``age_range``, ``gender``, ``race``, ``n``, ``variance_to_mean`` (years; the test asks whether
        it is 1), and ``statistic_<unit>`` and ``p_<unit>`` for each of :data:`UNITS`; NaN for fewer than 8 faces.
    """
    require_columns(frame, ("age_estimation", "age_range", *features))
    estimates = frame["age_estimation"].to_numpy(dtype=float)
    known = frame[["age_real", "age_estimation"]].notna().all(axis=1).to_numpy()
    rows = []
    for labels, inside in groups_of(frame, ["age_range", *features]):
        years = np.rint(estimates[inside & known])
        tested = len(years) >= FEWEST_FOR_SKEW and years.mean() > 0
        row = {"n": len(years), "variance_to_mean": years.var() / years.mean() if tested else np.nan}
        for unit, per_year in UNITS.items():
            statistic, p = map(float, scipy.stats.chisquare(years * per_year)) if tested else (np.nan, np.nan)
            row |= {f"statistic_{unit}": statistic, f"p_{unit}": p}
        rows.append(labels | row)
    return pd.DataFrame(rows).rename(columns=feature_title)


def chi_square_verdicts(units: pd.DataFrame, alpha: float = 0.05) -> pd.DataFrame:
    """How many groups the chi-square calls significant in each unit, from :func:`chi_square_units`.

    Returns
    -------
    DataFrame
        One row a unit: ``unit``, ``per_year``, ``tested``, ``below_alpha``, and ``smallest_ratio`` and
        ``largest_ratio`` of the statistic to that in years.
    """
    rows = []
    for unit, per_year in UNITS.items():
        p, ratio = units[f"p_{unit}"], units[f"statistic_{unit}"] / units["statistic_years"].replace(0, np.nan)
        rows.append(
            {"unit": unit, "per_year": per_year, "tested": int(p.notna().sum()), "below_alpha": int((p < alpha).sum())}
            | {"smallest_ratio": ratio.min(), "largest_ratio": ratio.max()}
        )
    return pd.DataFrame(rows)


def group_tests(
    sets: Mapping[str, pd.DataFrame],
    features: Sequence[str] = FEATURES,
    *,
    seed: int,
    value: str = "signed_error",
    permutations: int = PERMUTATIONS,
) -> pd.DataFrame:
    """Do groups differ? Rank tests of the signed error for each of :func:`questions`, as it is and at equal real age.

    Parameters
    ----------
    sets : mapping of str to DataFrame
        As :func:`normality_table`.
    features
        As :func:`audit_table`.
    seed, value, permutations
        As :func:`age_audit.audit.errors.rank_tests.rank_tests`.

    Returns
    -------
    DataFrame
        Columns: ``faces``, ``asked``, ``compared`` (``"as they are"`` or ``"at the same real age"``),
        ``age_range``, ``gender``, ``race`` (``"all"`` where not within one), and those of ``rank_tests``; p-values
        adjusted over all rows of one set, question and way of comparing.
    """
    parts = []
    for name, frame in sets.items():
        for question, compared, within in questions(features):
            for words, same in ((AS_THEY_ARE, None), (SAME_AGE, "age_real")):
                options = {"value": value, "same": same, "seed": seed, "permutations": permutations}
                tests = rank_tests(frame, compared, within, **options).rename(columns=feature_title)
                parts.append(tests.assign(faces=name, asked=question, compared=words))
    table = pd.concat(parts, ignore_index=True)
    names = ["faces", "asked", "compared", "age_range", *map(feature_title, features if len(features) > 1 else ())]
    table[names] = table[names].astype(object).fillna(ALL)
    return table[[*names, *(column for column in table if column not in names)]]


def group_test_verdicts(tests: pd.DataFrame, alpha: float = 0.05) -> pd.DataFrame:
    """How many of the tests of :func:`group_tests` reject, and how large differences are.

    Returns
    -------
    DataFrame
        One row a set of ``faces``, ``asked`` and way of being ``compared``: ``tests`` (that had an answer),
        ``rejected``, ``rejected_holm``, ``rejected_bh``; ``median_n``; medians of ``epsilon_squared`` and of what is
        ``expected_by_chance``.
    """
    rows = []
    keys = ["faces", "asked", "compared"]
    for names, group in tests.groupby(keys, sort=False):
        tested = group[group["p_value"].notna()]
        row = dict(zip(keys, names, strict=True)) | {"tests": len(tested)}
        for words, column in (("rejected", "p_value"), ("rejected_holm", "p_holm"), ("rejected_bh", "p_bh")):
            row[words] = int((tested[column] < alpha).sum())
        row["median_n"] = tested["n_comparable"].median()
        medians = tested[["epsilon_squared", "expected_by_chance"]].median()
        rows.append(row | medians.to_dict())
    return pd.DataFrame(rows)
