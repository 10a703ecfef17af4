"""The study's table of normality, against the formulas written out."""

import copy
import math
import warnings

import numpy as np
import pytest
import scipy

from age_audit.core.errors import UsageError
from age_audit.core.vocabulary import GENDERS, RACES
from age_audit.study.normality import rounded_estimates, statistic_details, statistic_details_for_age_range

COLUMNS = [
    "age_min",
    "age_max",
    "race",
    "gender",
    "mean",
    "standard_deviation",
    "normality_test_p_value",
    "normality_test_statistic",
    "n_participants",
    "kurtosis_test_n_greater_than_or_equal_to_20",
    "normality_test_passed",
    "skew_test_samples_greater_than_or_equal_to_8",
    "k_test_statistic",
    "k_test_p",
]
TESTS = ("normality_test_p_value", "normality_test_statistic", "k_test_statistic", "k_test_p")


def group(estimates, race="Asian", gender="Male", age=30):
    return [
        {"race_real": race, "gender_real": gender, "age_real": age, "age_estimation": estimate}
        for estimate in estimates
    ]


def estimates(n, seed=2):
    return np.random.default_rng(seed).normal(40, 9, n).tolist()


def literal_details(values):
    """Mean, deviation and tests step by step: D'Agostino & Pearson (1973), and chi-square against the mean."""
    n = len(values)
    mean = sum(values) / n
    moments = [sum((value - mean) ** k for value in values) / n for k in range(5)]
    # D'Agostino (1970): skewness, transformed to a normal deviate.
    y = moments[3] / moments[2] ** 1.5 * math.sqrt((n + 1) * (n + 3) / (6 * (n - 2)))
    beta = 3 * (n * n + 27 * n - 70) * (n + 1) * (n + 3) / ((n - 2) * (n + 5) * (n + 7) * (n + 9))
    w2 = -1 + math.sqrt(2 * (beta - 1))
    skew = math.asinh(y / math.sqrt(2 / (w2 - 1))) / math.sqrt(0.5 * math.log(w2))
    # Anscombe & Glynn (1983): kurtosis, likewise.
    variance = 24 * n * (n - 2) * (n - 3) / ((n + 1) ** 2 * (n + 3) * (n + 5))
    x = (moments[4] / moments[2] ** 2 - 3 * (n - 1) / (n + 1)) / math.sqrt(variance)
    root = 6 * (n * n - 5 * n + 2) / ((n + 7) * (n + 9)) * math.sqrt(6 * (n + 3) * (n + 5) / (n * (n - 2) * (n - 3)))
    a = 6 + 8 / root * (2 / root + math.sqrt(1 + 4 / root**2))
    ratio = (1 - 2 / a) / (1 + x * math.sqrt(2 / (a - 4)))
    kurtosis = (1 - 2 / (9 * a) - math.copysign(abs(ratio) ** (1 / 3), ratio)) / math.sqrt(2 / (9 * a))
    k2 = skew**2 + kurtosis**2
    chi_square = sum((value - mean) ** 2 / mean for value in values)
    p_chi = float(scipy.special.gammaincc((n - 1) / 2, chi_square / 2))
    return mean, math.sqrt(moments[2]), math.exp(-k2 / 2), k2, chi_square, p_chi


def found_details(rows, **more):
    return statistic_details(rows, "Asian", 26, 100, "Male", **more)


@pytest.mark.parametrize("n", [20, 45, 300])
def test_against_the_formulas(n):
    values = estimates(n)
    found = found_details(group(values))
    mean, deviation, p, k2, chi_square, p_chi = literal_details([round(value) for value in values])
    assert list(found) == COLUMNS
    assert (found["mean"], found["standard_deviation"]) == pytest.approx((mean, deviation))
    assert (found["normality_test_statistic"], found["normality_test_p_value"]) == pytest.approx((k2, p))
    assert (found["k_test_statistic"], found["k_test_p"]) == pytest.approx((chi_square, p_chi))
    assert (found["n_participants"], found["race"], found["gender"]) == (n, "Asian", "Male")
    assert (found["age_min"], found["age_max"]) == (26, 100)


def test_by_hand():
    found = found_details(group([10, 20, 30] * 3))
    assert found["mean"] == 20
    assert found["standard_deviation"] == pytest.approx(math.sqrt(200 / 3))
    assert found["k_test_statistic"] == pytest.approx(6 * 100 / 20)


def test_passed_means_that_normality_is_rejected():
    skewed = group((np.random.default_rng(4).exponential(10, 200)).tolist())
    assert found_details(skewed)["normality_test_passed"] is True
    assert found_details(group(estimates(200)))["normality_test_passed"] is False
    p = found_details(group(estimates(200)))["normality_test_p_value"]
    assert found_details(group(estimates(200)), alpha=p)["normality_test_passed"] is False  # below, not at
    assert found_details(group(estimates(200)), alpha=np.nextafter(p, 1))["normality_test_passed"] is True


def test_level_that_nobody_names():
    values = [30] * 12 + [31] * 9 + [32] * 6 + [33] * 4 + [34] * 2 + [36]
    p = found_details(group(values))["normality_test_p_value"]
    assert 1e-3 < p < 0.05
    assert found_details(group(values))["normality_test_passed"] is False
    assert found_details(group(values), alpha=0.05)["normality_test_passed"] is True
    with pytest.warns(UserWarning):
        passed = statistic_details_for_age_range(group(values), [26, 100])["normality_test_passed"]
    assert not passed.any()
    with pytest.warns(UserWarning):
        skewed = statistic_details_for_age_range(group([*values, 60]), [26, 100])["normality_test_passed"]
    assert skewed.sum() == 1
    with pytest.warns(UserWarning):
        assert statistic_details_for_age_range(group(values), [26, 100], 0.05)["normality_test_passed"].sum() == 1


def test_estimates_are_rounded_halves_to_even():
    rows = group([0.5, 1.5, 2.5, 2.51, None, math.nan])
    assert rounded_estimates(rows, "Asian", 0, 100, "Male") == [0, 2, 2, 3]


def test_who_is_in_the_group():
    rows = [
        *group([1], age=13),
        *group([2], age=18),
        *group([3], age=12),
        *group([4], age=19),
        *group([5], age=None),
        *group([6], race="Other", age=15),
        *group([7], gender=None, age=15),
        *group([8], age=15),
    ]
    assert rounded_estimates(rows, "Asian", 13, 18, "Male") == [1, 2, 8]


@pytest.mark.parametrize(
    ("n", "skew", "kurtosis"), [(7, False, False), (8, True, False), (19, True, False), (20, True, True)]
)
def test_how_many_the_tests_want(n, skew, kurtosis):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if n < 8 else "error")
        found = found_details(group(estimates(n)))
    assert found["skew_test_samples_greater_than_or_equal_to_8"] is skew
    assert found["kurtosis_test_n_greater_than_or_equal_to_20"] is kurtosis
    assert all(math.isnan(found[test]) is not skew for test in TESTS)


@pytest.mark.parametrize("n", [0, 1])
def test_nobody_or_one_face(n):
    with pytest.warns(
        UserWarning, match=rf"fewer than 8 estimates, so tests are NaN: Male Asian \(n = {n}\)"
    ) as caught:
        found = found_details(group([33.3] * n))
    assert len(caught) == 1
    assert found["n_participants"] == n
    assert found["normality_test_passed"] is False
    assert all(math.isnan(found[test]) for test in TESTS)
    assert (found["mean"], found["standard_deviation"]) == pytest.approx((33, 0) if n else (math.nan,) * 2, nan_ok=True)


@pytest.mark.parametrize("value", [0, 40])
def test_estimates_all_alike_do_not_crash(value):
    found = found_details(group([value] * 25))
    assert (found["mean"], found["standard_deviation"], found["normality_test_passed"]) == (value, 0, False)


def test_table_of_an_age_range():
    rows = [row for race in RACES[:4] for gender in GENDERS for row in group(estimates(30), race, gender, age=15)]
    rows += group(estimates(3), "Other", "Female", age=15) + group(estimates(50), age=40)
    kept = copy.deepcopy(rows)
    with pytest.warns(UserWarning, match=r"Male Other \(n = 0\), Female Other \(n = 3\)") as caught:
        table = statistic_details_for_age_range(rows, [13, 18], 0.05)
    assert len(caught) == 1
    assert list(table) == COLUMNS
    assert list(zip(table["gender"], table["race"], strict=True)) == [(g, r) for g in GENDERS for r in RACES]
    assert table["n_participants"].tolist() == [30] * 4 + [0] + [30] * 4 + [3]
    alone = statistic_details(rows, "African", 13, 18, "Female", 0.05)
    assert table.iloc[7].to_dict() == alone
    assert rows == kept


def test_a_missing_key_is_named():
    with pytest.raises(UsageError, match=r"missing key\(s\) race_real, gender_real"):
        found_details([{"age_real": 3, "age_estimation": 4}])
