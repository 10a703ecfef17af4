"""Kernel SHAP against shap's own, against Shapley values by their definition, and its intervals against drawn noise."""

from itertools import combinations
from math import factorial

import numpy as np
import pytest
import shap

from age_audit.explain.kernel_shap import paired_coalitions, shapley_values
from age_audit.explain.regression import settled_intervals


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


def ours(value, superpixels, samples, seed):
    rows = paired_coalitions(superpixels, samples, np.random.default_rng(seed))
    ends = value(np.array([[1], [0]]) * np.ones(superpixels))
    weights, errors = shapley_values(rows, value(rows), *ends)
    return weights, settled_intervals(weights, errors, "interval", 0.05)


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
    weights, errors = shapley_values(rows, np.zeros(0), 31.0, 30.0)
    assert len(rows) == 0 and weights.tolist() == [1]
    np.testing.assert_allclose(settled_intervals(weights, errors, "interval", 0.05), [[1, 1]], atol=1e-5)


def test_no_degree_of_freedom_is_no_interval():
    rows = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 1], [1, 0, 1]])
    weights, errors = shapley_values(rows, rows @ [1.0, 2, 3], 6.0, 0.0)
    np.testing.assert_allclose(weights, [1, 2, 3])
    for rule in ("interval", "false-discovery-rate"):
        assert np.isinf(settled_intervals(weights, errors, rule, 0.05)).all()


def test_errors_pair_by_pair():
    """White's residuals, each over the root of what the fit left of it, and degrees of freedom by the definition."""
    superpixels, rng = 6, np.random.default_rng(3)
    rows = paired_coalitions(superpixels, 40, rng)
    targets = rows @ np.arange(6.0) + rng.normal(0, 1, len(rows)) * rows.sum(axis=1)
    weights, errors = shapley_values(rows, targets, 15.0, 0.0)
    pairs = len(rows) // 2
    columns = np.array([[row[j] - row[-1] for j in range(superpixels - 1)] for row in rows[:pairs]], dtype=float)
    left = [(targets[i] - targets[i + pairs]) / 2 - (rows[i, -1] - 0.5) * 15 for i in range(pairs)]
    inverse = np.linalg.inv(columns.T @ columns)
    hat = columns @ inverse @ columns.T
    free = inverse @ columns.T @ left
    np.testing.assert_allclose(weights, [*free, 15 - sum(free)])
    residuals, rest = left - columns @ free, np.eye(pairs) - hat
    for j in range(superpixels):
        contrast = np.eye(superpixels - 1)[j] if j < superpixels - 1 else -np.ones(superpixels - 1)
        line = [contrast @ inverse @ columns[i] for i in range(pairs)]
        variance = sum((line[i] * residuals[i]) ** 2 / (1 - hat[i, i]) for i in range(pairs))
        assert errors.standard[j] ** 2 == pytest.approx(variance)
        parts = np.array([rest[:, i] * line[i] / (1 - hat[i, i]) ** 0.5 for i in range(pairs)])
        squares = np.linalg.eigvalsh(parts @ parts.T)
        assert errors.freedom[j] == pytest.approx(squares.sum() ** 2 / (squares**2).sum())


def false_of(weights, intervals, truth):
    settled = (intervals[:, 0] > 0) | (intervals[:, 1] < 0)
    wrong = settled & (np.sign(weights) != np.sign(truth))
    missed = settled & ~((intervals[:, 0] <= truth) & (truth <= intervals[:, 1]))
    return np.array([wrong.sum(), missed.sum()]) / max(settled.sum(), 1)


@pytest.mark.parametrize("acting", [0, 6])
def test_settled_signs_hold_a_false_discovery_rate(acting):
    """40 superpixels, of which few or none act: single intervals settle three times as many wrongly, or more."""
    found = {"interval": [], "false-discovery-rate": []}
    rng = np.random.default_rng(5)
    for _ in range(150):
        truth = np.zeros(40)
        truth[:acting] = 2 * rng.choice([-1, 1], acting)
        rows = paired_coalitions(40, 256, rng)
        weights, errors = shapley_values(rows, 30 + rows @ truth + rng.normal(size=len(rows)), 30 + truth.sum(), 30.0)
        for rule, shares in found.items():
            shares.append(false_of(weights, settled_intervals(weights, errors, rule, 0.05), truth))
    held, alone = (np.mean(found[rule], axis=0) for rule in ("false-discovery-rate", "interval"))
    assert (held < 0.075).all()  # at most 0.05 is expected; the standard error is 0.018 where none acts
    assert (alone > 0.15).all()


def test_a_false_discovery_rate_where_superpixels_act_together():
    """Pairs scatter by what they hide, and unequally: the rate is held all the same."""
    shares = []
    for seed in range(100):
        rng = np.random.default_rng([6, seed])
        truth, together = np.zeros(40), np.zeros((40, 40))
        truth[:15] = rng.normal(0, 2, 15)
        together[:15, :15] = np.triu(rng.normal(0, 1, (15, 15)), 1)
        rows = paired_coalitions(40, 256, rng)
        targets = 30 + rows @ truth + ((rows @ together) * rows).sum(axis=1)
        shapley = truth + (together.sum(axis=0) + together.sum(axis=1)) / 2
        weights, errors = shapley_values(rows, targets, 30 + shapley.sum(), 30.0)
        shares.append(false_of(weights, settled_intervals(weights, errors, "false-discovery-rate", 0.05), shapley))
    assert (np.mean(shares, axis=0) < 0.07).all()
