"""Tests of normality: those of the study, simulated ones, and what happens to them with fewer faces."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy

from age_audit.core.errors import UsageError
from age_audit.recheck.normality import normality_tests, rejections_by_size

FEW = {"seed": 1, "draws": 199, "simulations": 199}


def frame_of(groups, ages=None):
    estimates = np.concatenate([np.asarray(values, dtype=float) for values in groups.values()])
    names = [name for name, values in groups.items() for _ in values]
    return pd.DataFrame(
        {
            "group": pd.Categorical(names, categories=list(groups)),
            "age_estimation": estimates,
            "age_real": np.arange(len(estimates)) % 30 if ages is None else ages,
        }
    )


def rounded(n, seed, skewed=False):
    rng = np.random.default_rng(seed)
    return 20 + rng.exponential(5, n) if skewed else rng.normal(30, 6, n)


def test_numbers_are_those_of_scipy():
    values = rounded(60, 4)
    row = normality_tests(frame_of({"a": values}), ["group"], **FEW).iloc[0]
    years = np.round(values)
    assert (row["statistic"], row["p_value"]) == pytest.approx(tuple(scipy.stats.normaltest(years)))
    assert row["p_unrounded"] == pytest.approx(scipy.stats.normaltest(values).pvalue)
    assert row["p_real_ages"] == pytest.approx(scipy.stats.normaltest(np.arange(60) % 30).pvalue)
    assert row["skewness"] == pytest.approx(scipy.stats.skew(years))
    assert row["excess_kurtosis"] == pytest.approx(scipy.stats.kurtosis(years))
    assert row["skewness_low"] < row["skewness"] < row["skewness_high"]
    assert row["p_simulated"] == pytest.approx(row["p_value"], abs=0.1)


def test_adjusted_over_all_groups():
    table = normality_tests(frame_of({name: rounded(30, i, True) for i, name in enumerate("abc")}), ["group"], **FEW)
    smallest = table["p_value"].idxmin()
    assert table["p_holm"][smallest] == pytest.approx(3 * table["p_value"].min())
    for way in ("", "_holm", "_bh"):
        p_values = table["p_value" if not way else f"p{way}"]
        assert (table[f"normality_rejected{way}"] == (p_values < 0.05)).all()


def test_few_and_equal_estimates():
    groups = {"none": [], "one": [3.0], "seven": range(7), "eight": range(8), "alike": [4.1] * 30}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = normality_tests(frame_of(groups), ["group"], **FEW).set_index("group")
    assert table["n"].tolist() == [0, 1, 7, 8, 30]
    assert table["p_value"].notna().tolist() == [False, False, False, True, False]
    empty = table.loc[["none", "one", "seven", "alike"]]
    assert empty[["p_holm", "p_simulated", "skewness", "excess_kurtosis_high"]].isna().all(axis=None)
    assert not empty["normality_rejected"].any()
    assert table["few_faces"].tolist() == [True] * 4 + [False]


def test_intervals_cover_where_some_resamples_are_all_alike():
    row = normality_tests(frame_of({"a": [5] * 7 + [9]}), ["group"], **FEW).iloc[0]
    assert np.isfinite(row[["skewness_low", "skewness_high", "excess_kurtosis_low"]].astype(float)).all()


def test_same_seed_same_table():
    frame = frame_of({"a": rounded(20, 1), "b": rounded(25, 2)})
    pd.testing.assert_frame_equal(*(normality_tests(frame, ["group"], **FEW) for _ in range(2)))
    pd.testing.assert_frame_equal(*(rejections_by_size(frame, ["group"], [10], seed=3, draws=20) for _ in range(2)))


def test_a_missing_column_is_named():
    for function in (normality_tests, rejections_by_size):
        with pytest.raises(UsageError, match=r"missing column\(s\) age_real"):
            function(pd.DataFrame({"age_estimation": [1.0]}), [], seed=1)


def test_intervals_of_skewness_cover():
    # Gamma of shape 4: skewness 1; 200 faces. Bootstrap intervals of skewness are known to be short.
    rng = np.random.default_rng(6)
    groups = {i: 100 * rng.gamma(4, size=200) for i in range(60)}
    table = normality_tests(frame_of(groups), ["group"], seed=6, draws=300, simulations=9)
    assert ((table["skewness_low"] <= 1) & (table["skewness_high"] >= 1)).mean() >= 0.8


def test_more_faces_of_one_distribution_are_rejected_more_often():
    frame = frame_of({"skewed": rounded(2000, 3, True), "small": rounded(15, 1)})
    table = rejections_by_size(frame, ["group"], (4, 10, 40, 160, 1280), seed=2)
    assert table["n"].tolist() == [10, 40, 160]  # at most half of the group, and never fewer than 8
    assert table["rejected"].is_monotonic_increasing and table["rejected"].iloc[-1] > 0.95
    assert table["rejected_normal"].between(0.01, 0.12).all()
    assert (table["n_group"] == 2000).all()


def test_no_group_is_large_enough():
    table = rejections_by_size(frame_of({"a": rounded(12, 1)}), ["group"], seed=1)
    assert table.empty and "rejected" in table
    assert list(table["group"].cat.categories) == ["a"]
