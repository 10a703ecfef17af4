"""Positive shares before and after cohorts are repeated, by hand."""

import numpy as np
import pytest

from age_audit.study.positive_shares import positive_shares

ROWS = [
    {"age_real": 5, "gender_real": "Male", "age_estimation_accuracy": accuracy} for accuracy in (0.95, 0.85, 0.91)
] + [{"age_real": 12, "gender_real": "Female", "age_estimation_accuracy": accuracy} for accuracy in (0.90, 0.99)]


def test_by_hand():
    table = positive_shares(ROWS, "gender_real").set_index(["age_range", "gender_real"])
    male, female = table.loc["0–12", "Male"], table.loc["0–12", "Female"]
    assert (male["n"], male["n_repeated"], female["n"], female["n_repeated"]) == (3, 3, 2, 3)
    assert male["share_positive"] == male["share_positive_repeated"] == pytest.approx(2 / 3)
    assert (female["share_positive"], female["share_positive_repeated"]) == pytest.approx((1 / 2, 1 / 3))
    assert female["mean_accuracy_repeated"] == pytest.approx((0.90 + 0.99 + 0.90) / 3)
    assert (male["mean_accuracy"], male["mean_accuracy_repeated"]) == pytest.approx((2.71 / 3, 2.71 / 3))
    assert female["mean_accuracy"] == pytest.approx((0.90 + 0.99) / 2)
    empty = table.loc["26–100", "Male"]
    assert empty["n_repeated"] == 0 and np.isnan(empty["share_positive"])
    assert empty["n"] == 0 and np.isnan(empty["mean_accuracy"])


def test_other_features_and_ranges():
    rows = [row | {"tone": tone} for row, tone in zip(ROWS, ["I", "I", "II", None, "I"], strict=True)]
    table = positive_shares(rows, "tone", ["I", "II"], [(0, 11), (12, 12)])
    assert table[["age_range", "tone", "n", "n_repeated"]].to_numpy().tolist() == [
        ["0–11", "I", 2, 2],
        ["0–11", "II", 1, 2],
        ["12–12", "I", 1, 1],
        ["12–12", "II", 0, 0],
    ]
    assert list(positive_shares(rows, "gender_real")["gender_real"][:2]) == ["Male", "Female"]
