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
    empty = table.loc["26–100", "Male"]
    assert empty["n"] == 0 and np.isnan(empty["mean_accuracy"])
