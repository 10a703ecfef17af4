"""Kernel SHAP against shap's own, against Shapley values by their definition, and its intervals against drawn noise."""

from itertools import combinations
from math import factorial

import numpy as np
import pytest
import shap

from age_audit.explain.kernel_shap import paired_coalitions, shapley_values


def game(superpixels, seed):
    """A function of coalitions (N, S) with effects of one, two and three superpixels together."""
    rng = np.random.default_rng(seed)
    alone, pairs = rng.normal(size=superpixels), rng.normal(size=(superpixels, superpixels))
    three = [rng.choice(superpixels, 3, replace=False) for _ in range(3)]

    def value(rows):
        rows = np.asarray(rows, dtype=float)
        together = sum(rows[:, a] * rows[:, b] * rows[:, c] for a, b, c in three)
        return 30 + rows @ alone + ((rows @ pairs) * rows).sum(axis=1) / 4 + together

    return value


def by_definition(value, superpixels):
    """Mean gain of each superpixel over all orders of adding them."""
    gains = np.zeros(superpixels)
    for one in range(superpixels):
        others = [s for s in range(superpixels) if s != one]
        for size in range(superpixels):
            share = factorial(size) * factorial(superpixels - size - 1) / factorial(superpixels)
            for coalition in combinations(others, size):
                rows = np.zeros((2, superpixels))
                rows[:, list(coalition)] = 1
                rows[1, one] = 1
                gains[one] += share * (value(rows[1:]) - value(rows[:1]))[0]
    return gains


def ours(value, superpixels, samples, seed, confidence=0.95):
    rows = paired_coalitions(superpixels, samples, np.random.default_rng(seed))
    ends = value(np.array([[1], [0]]) * np.ones(superpixels))
    return shapley_values(rows, value(rows), *ends, confidence)


@pytest.mark.parametrize("superpixels", [2, 3, 6])
def test_many_coalitions_come_to_shapley_values(superpixels):
    value = (
        game(max(superpixels, 3), seed=1) if superpixels > 2 else (lambda rows: rows @ [2.0, -1] + rows.prod(axis=1))
    )
    weights, _ = ours(value, superpixels, 60_000, seed=0)
    np.testing.assert_allclose(weights, by_definition(value, superpixels), atol=0.02)


def test_as_shap_has_it():
    value = game(7, seed=3)
    explainer = shap.KernelExplainer(value, np.zeros((1, 7)), silent=True)
    theirs = explainer.shap_values(np.ones((1, 7)), nsamples=2**7, l1_reg=False, silent=True)[0]  # all coalitions
    weights, _ = ours(value, 7, 60_000, seed=0)
    np.testing.assert_allclose(theirs, by_definition(value, 7), atol=1e-6)
    np.testing.assert_allclose(weights, theirs, atol=0.02)


def test_weights_sum_to_what_there_is_to_share():
    value = game(9, seed=5)
    weights, interval = ours(value, 9, 100, seed=2)
    whole, none = value(np.array([[1], [0]]) * np.ones(9))
    assert weights.sum() == pytest.approx(whole - none)
    assert (interval[:, 0] < weights).all() and (weights < interval[:, 1]).all()


def test_intervals_cover():
    # 95 % of intervals hold the Shapley value; 9 superpixels in 200 designs, less dependent than they look
    value = game(9, seed=7)
    truth = by_definition(value, 9)
    held = []
    for seed in range(200):
        _, interval = ours(value, 9, 128, seed=seed)
        held.append((interval[:, 0] <= truth) & (truth <= interval[:, 1]))
    assert 0.92 < np.mean(held) < 0.98


def test_sizes_follow_the_shapley_kernel():
    rows = paired_coalitions(5, 40_000, np.random.default_rng(0))
    sizes = np.bincount(rows.sum(axis=1), minlength=6) / len(rows)
    kernel = np.array([0, 1 / 4, 1 / 6, 1 / 6, 1 / 4, 0])
    np.testing.assert_allclose(sizes, kernel / kernel.sum(), atol=0.01)
    np.testing.assert_allclose(rows[rows.sum(axis=1) == 2].mean(axis=0), 0.4, atol=0.02)  # none is drawn more often


def test_few_samples_are_raised_and_one_superpixel_takes_all():
    assert len(paired_coalitions(40, 16, np.random.default_rng(0))) == 160
    rows = paired_coalitions(1, 16, np.random.default_rng(0))
    weights, interval = shapley_values(rows, np.zeros(0), 31.0, 30.0, 0.95)
    assert len(rows) == 0 and weights.tolist() == [1] and interval.tolist() == [[1, 1]]


def test_no_degree_of_freedom_is_no_interval():
    rows = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 1], [1, 0, 1]])
    weights, interval = shapley_values(rows, rows @ [1.0, 2, 3], 6.0, 0.0, 0.95)
    np.testing.assert_allclose(weights, [1, 2, 3])
    assert np.isinf(interval).all()
