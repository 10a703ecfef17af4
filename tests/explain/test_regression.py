"""The local linear model and its intervals."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import Ridge

from age_audit.explain.design import balanced_design, paley_design
from age_audit.explain.regression import (
    LocalModel,
    WeightErrors,
    fit_local_model,
    foldover_errors,
    foldover_intervals,
    proximity,
    selected_intervals,
    settled_intervals,
)

WIDTH, ALPHA = 0.25, 1.0


class TestProximity:
    def test_by_hand(self):
        shown = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]])
        # Cosine to (1, 1, 1, 1): 1, 1/sqrt(2), 1/2; nothing shown counts as at right angles.
        distances = np.array([0, 1 - np.sqrt(0.5), 0.5, 1])
        expected = np.sqrt(np.exp(-(distances**2) / 0.0625))
        np.testing.assert_allclose(proximity(shown, WIDTH), expected, rtol=1e-12)
        np.testing.assert_allclose(expected, [1, 0.5034, 0.1353, 0.0003355], rtol=1e-3)

    def test_wide_kernel_weighs_all_alike(self):
        shown = np.array([[1, 1], [0, 1]])
        np.testing.assert_allclose(proximity(shown, 1e6), 1, atol=1e-6)


class TestFitLocalModel:
    def test_hand_worked(self):
        # One superpixel, shown (proximity 1, target 5) or hidden (proximity k, target 3); with p = 1 / (1 + k):
        # slope = k p * 2 / (k p + alpha), intercept = weighted mean of the target - slope * p.
        shown, targets = np.array([[1], [0]]), np.array([5.0, 3.0])
        k = np.sqrt(np.exp(-16.0))
        p = 1 / (1 + k)
        slope = k * p * 2 / (k * p + 1)
        model = fit_local_model(shown, targets, WIDTH, 1.0)
        np.testing.assert_allclose(model.weights, [slope])
        assert model.intercept == pytest.approx((5 + 3 * k) * p - slope * p)

    @pytest.mark.parametrize("alpha", [0.5, 1.0, 20.0])
    def test_against_the_normal_equations(self, alpha):
        rng = np.random.default_rng(0)
        shown, targets = rng.integers(0, 2, (60, 9)), rng.normal(40, 3, 60)
        weights = proximity(shown, WIDTH)
        design = np.column_stack([np.ones(60), shown])
        penalty = alpha * np.diag([0.0] + [1.0] * 9)
        expected = np.linalg.solve(design.T @ (weights[:, None] * design) + penalty, design.T @ (weights * targets))
        model = fit_local_model(shown, targets, WIDTH, alpha)
        np.testing.assert_allclose(model.intercept, expected[0])
        np.testing.assert_allclose(model.weights, expected[1:])
        ridge = Ridge(alpha=alpha).fit(shown, targets, sample_weight=weights)
        assert model.score == pytest.approx(ridge.score(shown, targets, sample_weight=weights))

    def test_weights_stand_at_their_superpixels(self):
        shown = balanced_design(8, 256, np.random.default_rng(0))
        truth = np.array([0, 3, 0, 0, -5, 0, 1, 0], dtype=float)  # lime ranks them; the order must be undone
        np.testing.assert_allclose(fit_local_model(shown, shown @ truth, WIDTH, 1e-9).weights, truth, atol=1e-6)


def intervals(shown, targets):
    model = fit_local_model(shown, targets, WIDTH, ALPHA)
    return model, foldover_intervals(shown, targets, model, WIDTH, ALPHA, 0.95)


def literal_intervals(shown, targets, critical):
    """Pair by pair; how much a row's target moves the weights is asked of the model itself, one row at a time."""
    n, s = shown.shape
    pairs = range(n // 2)
    moved = [fit_local_model(shown, row, WIDTH, ALPHA).weights for row in np.eye(n)]  # it is linear in the targets
    differences = np.array([(targets[i] - targets[i + n // 2]) / 2 for i in pairs])
    means = np.array([(targets[i] + targets[i + n // 2]) / 2 for i in pairs])
    signs = np.array([[0.5 if one else -0.5 for one in row] for row in shown[: n // 2]])
    fitted = signs @ np.linalg.solve(signs.T @ signs, signs.T @ differences)
    of_differences = sum((differences - fitted) ** 2) / (n // 2 - s)
    of_means = sum((means - means.mean()) ** 2) / (n // 2 - 1)
    variances = [
        sum(of_differences * (moved[i][j] - moved[i + n // 2][j]) ** 2 for i in pairs)
        + sum(of_means * (moved[i][j] + moved[i + n // 2][j]) ** 2 for i in pairs)
        for j in range(s)
    ]
    reach = critical * np.sqrt(variances) + 2.0**-23 * max(abs(targets))
    weights = fit_local_model(shown, targets, WIDTH, ALPHA).weights
    return np.column_stack([weights - reach, weights + reach])


class TestFoldoverIntervals:
    # Student's t, 97.5 %: with 1, 2 and 13 degrees of freedom.
    @pytest.mark.parametrize(("superpixels", "half", "critical"), [(7, 8, 12.7062), (6, 8, 4.30265), (3, 16, 2.16037)])
    def test_pair_by_pair(self, superpixels, half, critical):
        shown = balanced_design(superpixels, 2 * half, np.random.default_rng(1))
        assert len(shown) == 2 * half
        targets = 40 + shown @ np.arange(superpixels) + np.random.default_rng(2).normal(0, 2, 2 * half)
        _, found = intervals(shown, targets)
        np.testing.assert_allclose(found, literal_intervals(shown, targets, critical), rtol=2e-5)

    def test_single_precision_of_large_targets(self):
        shown = balanced_design(3, 16, np.random.default_rng(1))
        _, found = intervals(shown, np.full(16, -5000.0))
        np.testing.assert_allclose(np.ptp(found, axis=1) / 2, 5000 * 2.0**-23, rtol=1e-3)

    @pytest.mark.long
    @pytest.mark.parametrize(("noise", "interactions"), [(1.0, 0.0), (0.2, 1.0), (0.2, 2.0)])
    def test_cover_the_converged_weights_as_often_as_they_say(self, noise, interactions):
        """Planted weights, noise, and 30 pairs of superpixels that act together; 80 designs."""
        rng = np.random.default_rng(7)
        truth = rng.normal(0, 0.3, 30)
        pairs = np.array([rng.choice(30, 2, replace=False) for _ in range(30)])
        strength = rng.normal(0, interactions, 30)

        def years(shown):
            together = (shown[:, pairs[:, 0]] - 0.5) * (shown[:, pairs[:, 1]] - 0.5)
            return 40 + shown @ truth + together @ strength

        many = balanced_design(30, 2**14, np.random.default_rng(10**6))
        converged = fit_local_model(many, years(many), WIDTH, ALPHA).weights
        covered = []
        for seed in range(40):
            shown = balanced_design(30, 256, np.random.default_rng(seed))
            _, found = intervals(shown, years(shown) + rng.normal(0, noise, len(shown)))
            covered.append((found[:, 0] <= converged) & (converged <= found[:, 1]))
        assert 0.92 < np.mean(covered) < 0.98
        assert np.mean(covered, axis=0).min() > 0.8  # for every superpixel, not only on average

    def test_are_centred_on_the_weights_and_shrink_with_more_samples(self):
        rng = np.random.default_rng(0)
        widths = []
        for samples in (128, 512, 2048):
            shown = balanced_design(10, samples, rng)
            model, found = intervals(shown, 40 + shown[:, 0] + rng.normal(0, 1, len(shown)))
            np.testing.assert_allclose(found.mean(axis=1), model.weights, atol=1e-9)
            widths.append(np.ptp(found, axis=1).mean())
        # four times the samples, half the width
        np.testing.assert_allclose(np.divide(widths[:-1], widths[1:]), 2, rtol=0.25)

    def test_follow_the_confidence(self):
        shown = balanced_design(10, 256, np.random.default_rng(0))
        targets = np.random.default_rng(1).normal(40, 1, len(shown))
        model = fit_local_model(shown, targets, WIDTH, ALPHA)
        narrow, wide = (np.ptp(foldover_intervals(shown, targets, model, WIDTH, ALPHA, c), axis=1) for c in (0.5, 0.99))
        # Student's t with 128 - 10 degrees of freedom: 0.6766 and 2.6181
        np.testing.assert_allclose(wide / narrow, 2.6181 / 0.6766, rtol=1e-3)

    @pytest.mark.parametrize("superpixels", [4, 5])
    def test_infinite_where_no_degree_of_freedom_is_left(self, superpixels):
        shown = np.random.default_rng(0).integers(0, 2, (4, superpixels))
        shown = np.concatenate([shown, 1 - shown])
        _, found = intervals(shown, np.arange(8.0))
        np.testing.assert_array_equal(found, np.tile([-np.inf, np.inf], (superpixels, 1)))

    @pytest.mark.parametrize("targets", [np.full(256, 39.84), 39.84 + np.random.default_rng(0).normal(0, 1e-7, 256)])
    def test_what_single_precision_cannot_tell_is_not_settled(self, targets):
        model, found = intervals(balanced_design(10, 256, np.random.default_rng(0)), targets)
        assert isinstance(model, LocalModel)
        assert (found[:, 0] < 0).all() and (found[:, 1] > 0).all()


def literal_selected(weights, standard, resolution, freedom, rate):
    """Step by step: the most weights that, ranked by p-value, stay below the line; then intervals of their level."""
    p_values = [
        2 * stats.t.sf(max(abs(w) - resolution, 0) / e, freedom) for w, e in zip(weights, standard, strict=True)
    ]
    chosen = 0
    for rank, p_value in enumerate(sorted(p_values), start=1):
        if p_value <= rate * rank / len(weights):
            chosen = rank
    level = 1 - rate * max(chosen, 1) / len(weights)
    reach = [stats.t.ppf(0.5 + level / 2, freedom) * e + resolution for e in standard]
    return chosen, np.array([[w - r, w + r] for w, r in zip(weights, reach, strict=True)])


class TestSelectedIntervals:
    @pytest.mark.parametrize("rate", [0.05, 0.2])
    @pytest.mark.parametrize("freedom", [3, 98])
    @pytest.mark.parametrize("resolution", [0.0, 0.7])
    def test_step_by_step(self, rate, freedom, resolution):
        counts = set()
        for seed in range(40):
            rng = np.random.default_rng(seed)
            standard = rng.uniform(0.5, 2, 12)
            weights = rng.normal(0, seed / 8, 12) * standard
            chosen, expected = literal_selected(weights, standard, resolution, freedom, rate)
            found = selected_intervals(weights, WeightErrors(standard, freedom, resolution), rate)
            np.testing.assert_allclose(found, expected)
            assert ((found[:, 0] > 0) | (found[:, 1] < 0)).sum() == chosen  # just those exclude 0
            counts.add(chosen)
        assert len(counts) > 3 and 0 in counts

    def test_by_hand(self):
        # z of 3, 2.5 and 1 with many degrees of freedom: p 0.0027, 0.0124, 0.3173 against 0.05 / 3, 0.1 / 3, 0.05:
        # two are selected, so the level is 1 - 0.05 * 2 / 3, whose quantile is 2.1280.
        found = selected_intervals(np.array([3, -2.5, 1.0]), WeightErrors(np.ones(3), 10**9, 0.0), 0.05)
        np.testing.assert_allclose(found, [[0.872, 5.128], [-4.628, -0.372], [-1.128, 3.128]], atol=1e-4)

    def test_one_alone_is_an_ordinary_interval(self):
        found = selected_intervals(np.array([1.0]), WeightErrors(np.ones(1), 10, 0.0), 0.05)
        np.testing.assert_allclose(found, [[1 - 2.22814, 1 + 2.22814]], atol=1e-5)  # Student's t, 10 degrees

    def test_no_degree_of_freedom_settles_nothing(self):
        shown = np.random.default_rng(0).integers(0, 2, (4, 5))
        errors = foldover_errors(np.concatenate([shown, 1 - shown]), np.arange(8.0), WIDTH, ALPHA)
        found = selected_intervals(np.full(5, 9.0), errors, 0.05)
        np.testing.assert_array_equal(found, np.tile([-np.inf, np.inf], (5, 1)))

    def test_without_any_error_what_is_not_0_is_settled(self):
        found = selected_intervals(np.array([2.0, 0, -1e-9]), WeightErrors(np.zeros(3), 90, 1e-6), 0.05)
        np.testing.assert_allclose(found, [[2 - 1e-6, 2 + 1e-6], [-1e-6, 1e-6], [-1.001e-6, 0.999e-6]], rtol=1e-9)

    def test_the_errors_are_those_of_the_intervals(self):
        shown = paley_design(10, 256, np.random.default_rng(0))
        targets = 40 + shown[:, 0] + np.random.default_rng(1).normal(0, 1, len(shown))
        model, found = intervals(shown, targets)
        errors = foldover_errors(shown, targets, WIDTH, ALPHA)
        assert errors.freedom == 128 - 10 and errors.resolution == 2.0**-23 * max(abs(targets))
        reach = 1.98027 * errors.standard + errors.resolution  # Student's t, 97.5 %, 118 degrees of freedom
        np.testing.assert_allclose(found, np.stack([model.weights - reach, model.weights + reach], axis=1), rtol=1e-5)


class TestShrinkage:
    def test_against_the_fit_without_penalty(self):
        rng = np.random.default_rng(0)
        shown = paley_design(9, 64, rng)
        targets = 40 + shown @ rng.normal(0, 2, 9) + rng.normal(0, 1, len(shown))
        penalised, free = (fit_local_model(shown, targets, WIDTH, alpha).weights for alpha in (ALPHA, 0.0))
        errors = foldover_errors(shown, targets, WIDTH, ALPHA)
        np.testing.assert_allclose(errors.shrinkage, free - penalised, atol=1e-10)
        assert np.abs(errors.shrinkage).max() > 0.1

    def test_intervals_hold_both(self):
        errors = WeightErrors(np.full(3, 0.1), 50, 0.0, np.array([0.5, -0.5, 0.2]))
        weights = np.array([3.0, 3.0, -0.1])
        found = selected_intervals(weights, errors, 0.05)
        reach = stats.t.ppf(1 - 0.05 * 2 / 3 / 2, 50) * 0.1  # two of three are selected
        ends = [[3 - reach, 3.5 + reach], [2.5 - reach, 3 + reach], [-0.1 - reach, 0.1 + reach]]
        np.testing.assert_allclose(found, ends)

    def test_a_fit_that_the_samples_do_not_determine_settles_nothing(self):
        shown = paley_design(30, 64, np.random.default_rng(0))
        targets = 40 + shown @ np.arange(30.0)
        errors = foldover_errors(shown, targets, 0.02, ALPHA)  # so narrow a kernel that hardly a row counts
        assert np.isnan(errors.shrinkage).all()
        weights = fit_local_model(shown, targets, 0.02, ALPHA).weights
        assert np.isinf(selected_intervals(weights, errors, 0.05)).all()

    def test_intervals_by_themselves_are_as_they_were(self):
        errors = WeightErrors(np.ones(2), 50, 0.0, np.array([5.0, 5.0]))
        np.testing.assert_array_equal(
            settled_intervals(np.zeros(2), errors, "interval", 0.05),
            settled_intervals(np.zeros(2), replace(errors, shrinkage=0.0), "interval", 0.05),
        )
