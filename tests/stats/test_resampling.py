"""Intervals and tests against hand-worked numbers, literal oracles, and the error rates they promise."""

import warnings
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
import scipy

from age_audit.stats import resampling
from age_audit.stats.resampling import (
    BCA_LIMIT,
    BOOTSTRAP_LIMIT,
    cliffs_delta,
    column_correlation_p_values,
    combination_interval,
    difference_p_values,
    means_of_draws,
    stratified_interval,
    stratified_p_values,
    sums_of_dealt,
    with_adjusted,
)


def generator(seed=0):
    return np.random.default_rng(seed)


def one(*values):
    return np.array([values], dtype=float)


class TestInterval:
    def test_of_how_many_faces(self):
        assert (BCA_LIMIT, BOOTSTRAP_LIMIT) == (2_000, 10_000)

    def test_value_by_hand(self):
        found = combination_interval([one(1, 2, 6), one(4, 6)], [2, -1], rng=generator(), draws=50)
        assert found.value.tolist() == [2 * 3 - 5]

    def test_percentile_as_drawn_literally(self):
        values = generator(1).normal(size=(2, BCA_LIMIT + 1))
        found = combination_interval([values], [1], rng=generator(2), draws=40)
        literal = generator(2)
        means = []
        for _ in range(40):
            drawn = literal.integers(0, values.shape[1], values.shape[1])
            means.append([values[row, drawn].mean() for row in (0, 1)])
        assert found.method == "percentile"
        np.testing.assert_allclose(found.low, np.quantile(means, 0.025, axis=0), rtol=0, atol=1e-9)
        np.testing.assert_allclose(found.high, np.quantile(means, 0.975, axis=0), rtol=0, atol=1e-9)
        ends = combination_interval([values], [1], rng=generator(2), draws=41).low  # the second least of 41 itself
        np.testing.assert_allclose(ends, ends.round(9), rtol=0, atol=1e-14)

    @pytest.mark.parametrize("size", [30, BCA_LIMIT])
    def test_is_scipys_bootstrap_of_the_values_themselves(self, size):
        samples = generator(1).exponential(size=(2, size)), generator(2).normal(size=(2, 25))
        found = combination_interval(samples, [0.5, -2], rng=generator(3), draws=50)
        literal = scipy.stats.bootstrap(
            samples,
            lambda x, y, axis: 0.5 * x.mean(axis=axis) - 2 * y.mean(axis=axis),
            n_resamples=50,
            batch=2**21 // (size + 25),
            axis=-1,
            method=found.method,
            rng=generator(3),
        )
        np.testing.assert_allclose(found.low, literal.confidence_interval.low, rtol=0, atol=2e-9)
        np.testing.assert_allclose(found.high, literal.confidence_interval.high, rtol=0, atol=2e-9)

    def test_bca_leans_towards_the_long_tail(self):
        skewed = generator(3).exponential(size=(1, 40))
        found = combination_interval([skewed], [1], rng=generator(4))
        assert found.method == "BCa"
        assert found.high[0] - found.value[0] > 1.1 * (found.value[0] - found.low[0])

    def test_normal_by_hand(self):
        # 0 and 2 by turns: mean 1, variance n / (n - 1), so the standard errors are 1 / sqrt(n - 1): 0.01 and 0.005.
        samples = np.tile([0.0, 2], 5001)[None, :-1], np.tile([0.0, 2], 20_001)[None, :-1]
        assert min(sample.shape[1] for sample in samples) == BOOTSTRAP_LIMIT + 1
        found = combination_interval(samples, [3, -2], rng=generator())
        assert found.method == "normal"
        half = 1.959964 * np.sqrt(9 / 100**2 + 4 / 200**2)
        assert found.high - found.value == pytest.approx(half, rel=1e-3)
        assert found.value - found.low == pytest.approx(half, rel=1e-3)

    def test_where_it_is_symmetric_too_no_mean_of_absolute_errors_is_below_0(self):
        errors = np.append(np.zeros(BOOTSTRAP_LIMIT), 100.0)[None]  # mean and standard error are both 0.01
        found = combination_interval([np.concatenate([errors, -errors])], [1], rng=generator())
        assert found.method == "normal" and found.low[0] == 0  # of signed errors it may be
        assert found.high[0] == found.high[1] + 2 * found.value[0] == pytest.approx(0.0296, abs=1e-4)
        assert stratified_interval([one(0, 0, 9), one(1, 1, 9)], [0.5, 0.5]).low == [0]
        assert stratified_interval([one(0, 0, 9), one(1, 1, 9)], [1, 0]).low == [0]
        assert stratified_interval([one(0, 0, 9), one(1, 1, 9)], [1, -1]).low[0] < -5
        assert stratified_interval([one(-0.5, 0, 9), one(1, 1, 9)], [0.5, 0.5]).low[0] < -1

    def test_a_small_sample_is_drawn_from_however_large_the_other(self):
        large, small = generator(1).normal(size=(1, BOOTSTRAP_LIMIT + 1)), generator(2).exponential(size=(1, 20))
        assert combination_interval([large, small], [1, -1], rng=generator(), draws=9).method == "percentile"
        assert combination_interval([large[:, 1:]], [1], rng=generator(), draws=9).method == "percentile"
        assert combination_interval([large[:, :BCA_LIMIT]], [1], rng=generator(), draws=9).method == "BCa"

    def test_where_it_becomes_normal_the_bootstrap_says_the_same(self):
        # Absolute errors as skewed as an exponential's, in whole years: a bootstrap sample is then a draw of counts.
        years = np.floor(generator(5).exponential(8, BOOTSTRAP_LIMIT + 1))
        assert scipy.stats.skew(years) > 1.8
        classes, counts = np.unique(years, return_counts=True)
        drawn = generator(6).multinomial(years.size, counts / years.size, size=100_000)
        for values in (classes, (classes <= 5).astype(float)):  # MAE, CS@5
            found = combination_interval([values[np.searchsorted(classes, years)][None]], [1], rng=generator())
            assert found.method == "normal"
            low, high = np.quantile(drawn @ values / years.size, [0.025, 0.975])
            width = high - low
            assert abs(found.low[0] - low) < 0.01 * width
            assert abs(found.high[0] - high) < 0.01 * width

    def test_too_few_faces(self):
        nothing = combination_interval([np.empty((2, 0))], [1], rng=generator())
        assert np.isnan([nothing.value, nothing.low, nothing.high]).all() and nothing.value.shape == (2,)
        single = combination_interval([one(3)], [1], rng=generator())
        assert single.value == [3] and np.isnan([single.low, single.high]).all()
        two = combination_interval([one(1, 3), one(1, 2, 3)], [1, 1], rng=generator())
        assert two.value == [4] and np.isnan([two.low, two.high]).all() and two.method == "none"
        assert two.low.shape == two.high.shape == (1,)
        three = combination_interval([one(1, 3, 50)], [1], rng=generator())
        assert 0 <= three.low[0] < 18 < three.high[0]  # of errors, of which none is below 0

    def test_what_never_varies_is_a_point(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = combination_interval([np.array([[1 / 3] * 3, [1, 2, 3]])], [1], rng=generator(), draws=99)
        assert found.low[0] == found.value[0] == found.high[0] == pytest.approx(1 / 3)
        assert found.low[1] < 2 < found.high[1]

    def test_what_varies_by_less_than_a_year_has_an_interval(self):
        found = combination_interval([one(0.1, 0.2, 0.4)], [1], rng=generator(), draws=99)
        assert found.low[0] < found.value[0] < found.high[0]

    def test_one_draw_at_a_time_is_the_same(self, monkeypatch):
        whole = combination_interval([one(1, 3, 50)], [1], rng=generator(), draws=99)
        monkeypatch.setattr(resampling, "_NUMBERS_AT_ONCE", 1)
        assert combination_interval([one(1, 3, 50)], [1], rng=generator(), draws=99).high == whole.high

    def test_where_bca_has_no_answer_it_is_percentile(self):
        values = np.array([1.0, 3, 50])
        for seed in range(100):  # until both draws are above the mean
            literal = generator(seed)
            means = [values[literal.integers(0, 3, 3)].mean() for _ in range(2)]
            if min(means) > 18 and means[0] != means[1]:
                break
        found = combination_interval([values[None]], [1], rng=generator(seed), draws=2)
        assert [found.low[0], found.high[0]] == pytest.approx(np.quantile(means, [0.025, 0.975]))

    @pytest.mark.long
    def test_covers_nearly_as_often_as_it_says(self):
        rng = generator(5)
        covered = []
        for _ in range(1000):
            samples = rng.exponential(2, size=(1, 60)), rng.exponential(1, size=(1, 60))
            found = combination_interval(samples, [1, -1], rng=rng, draws=399)
            covered.append(found.low[0] <= 1 <= found.high[0])
        assert 0.91 <= np.mean(covered) <= 0.96  # bootstrap intervals of few faces are a little short: 0.93–0.94


def alone(size):
    return np.arange(size)


class TestClusters:
    @pytest.mark.parametrize("size", [40, BCA_LIMIT + 1])
    def test_each_face_its_own_cluster_is_no_cluster(self, size):
        samples = generator(1).normal(size=(2, size)), generator(2).normal(size=(2, 30))
        plain = combination_interval(samples, [1, -2], rng=generator(3), draws=60)
        found = combination_interval(samples, [1, -2], rng=generator(3), draws=60, clusters=[alone(size), alone(30)])
        assert found.method == plain.method
        assert found.low.tolist() == plain.low.tolist() and found.high.tolist() == plain.high.tolist()

    @pytest.mark.parametrize("size", [40, BCA_LIMIT + 1, BOOTSTRAP_LIMIT + 1])
    def test_copies_tell_nothing_new(self, size):
        values = generator(1).exponential(size=(2, size))
        once = combination_interval([values], [1], rng=generator(3), draws=60)
        thrice = np.tile(values, 3), np.tile(alone(size), 3)
        found = combination_interval([thrice[0]], [1], rng=generator(3), draws=60, clusters=[thrice[1]])
        assert found.method == once.method
        np.testing.assert_allclose([found.low, found.high], [once.low, once.high], rtol=0, atol=1e-8)
        narrow = combination_interval([thrice[0]], [1], rng=generator(3), draws=60)
        assert np.all(narrow.high - narrow.low < 0.7 * (found.high - found.low))

    def test_percentile_as_clusters_are_drawn_literally(self):
        labels = generator(4).integers(0, 3_000, 5_000).astype(str)
        values = generator(1).normal(size=(2, 5_000)) + 0.1 * labels.astype(float) % 7
        found = combination_interval([values], [1], rng=generator(2), draws=40, clusters=[labels])
        groups = list(dict.fromkeys(labels))
        members = {label: np.flatnonzero(labels == label) for label in groups}
        literal, means = generator(2), []
        for _ in range(40):
            drawn = literal.integers(0, len(groups), len(groups))
            faces = np.concatenate([members[groups[number]] for number in drawn])
            means.append(values[:, faces].mean(axis=1))
        assert found.method == "percentile"
        np.testing.assert_allclose(found.value, values.mean(axis=1))
        np.testing.assert_allclose(found.low, np.quantile(means, 0.025, axis=0), rtol=0, atol=1e-8)
        np.testing.assert_allclose(found.high, np.quantile(means, 0.975, axis=0), rtol=0, atol=1e-8)

    def test_normal_and_percentile_say_the_same_of_unequal_clusters(self, monkeypatch):
        sizes = generator(1).integers(1, 6, BOOTSTRAP_LIMIT + 1)
        labels = np.repeat(alone(sizes.size), sizes)
        values = (generator(2).normal(sizes, 3)[labels] + generator(3).normal(size=labels.size))[None]
        normal = combination_interval([values], [1], rng=generator(4), clusters=[labels])
        monkeypatch.setattr(resampling, "BOOTSTRAP_LIMIT", sizes.size)
        drawn = combination_interval([values], [1], rng=generator(4), clusters=[labels])
        assert (normal.method, drawn.method) == ("normal", "percentile")
        width = drawn.high - drawn.low
        assert np.abs(normal.low - drawn.low) < 0.05 * width and np.abs(normal.high - drawn.high) < 0.05 * width

    def test_two_clusters_have_no_interval(self):
        found = combination_interval([one(1, 2, 3, 9)], [1], rng=generator(), draws=50, clusters=[list("aabb")])
        assert found.value.tolist() == [3.75] and np.isnan([found.low, found.high]).all()

    def test_covers_as_often_as_it_says_where_single_faces_do_not(self):
        rng, covered = generator(5), {"clusters": [], "faces": []}
        labels = np.repeat(alone(60), 4)
        for _ in range(400):
            values = (rng.normal(size=60)[labels] + rng.normal(0, 0.5, size=labels.size))[None]
            for what, options in (("clusters", {"clusters": [labels]}), ("faces", {})):
                found = combination_interval([values], [1], rng=rng, draws=299, **options)
                covered[what].append(found.low[0] <= 0 <= found.high[0])
        assert 0.91 <= np.mean(covered["clusters"]) <= 0.97 and np.mean(covered["faces"]) < 0.8


class TestStratifiedInterval:
    def test_of_two_samples_it_is_welchs(self):
        first, second = generator(1).exponential(size=(2, 12)), generator(2).normal(1, 3, size=(2, 9))
        found = stratified_interval([first, second], [1, -1], confidence=0.9)
        welch = scipy.stats.ttest_ind(first, second, axis=-1, equal_var=False).confidence_interval(0.9)
        assert found.value == pytest.approx(first.mean(axis=-1) - second.mean(axis=-1))
        assert found.low == pytest.approx(welch.low) and found.high == pytest.approx(welch.high)

    def test_by_hand(self):
        found = stratified_interval([one(1, 1, 3, 3), one(4, 6, 8)], [0.5, 2])
        first, second = 0.25 * (4 / 3) / 4, 4 * 4 / 3  # what each sample adds to the variance
        half = scipy.stats.t.ppf(0.975, (first + second) ** 2 / (first**2 / 3 + second**2 / 2))
        half *= (first + second) ** 0.5
        assert (found.value[0], found.low[0], found.high[0]) == pytest.approx((13, 13 - half, 13 + half))

    def test_too_few_faces_and_no_spread(self):
        nothing = stratified_interval([one(1, 2, 3), one()], [1, 1])
        assert nothing.value.shape == (1,) and np.isnan(nothing.value).all()
        assert np.isnan(stratified_interval([one()], [1]).value).all()
        pair = stratified_interval([one(1, 2, 3), one(4, 5)], [1, 1])
        assert pair.value == [6.5] and np.isnan([pair.low, pair.high]).all()
        point = stratified_interval([one(2, 2, 2), one(4, 4, 4)], [1, 1])
        assert (point.low, point.value, point.high) == ([6], [6], [6])

    @pytest.mark.long
    @pytest.mark.parametrize("sizes", [[10] * 20, [200, 80, 50, 10]])
    def test_covers_as_often_as_it_says_where_a_bootstrap_does_not(self, sizes):
        covered = np.zeros(2)
        for seed in range(600):
            rng = generator(seed)
            samples = [rng.exponential(8, (1, n)) for n in sizes]  # errors have such a tail
            weights = np.full(len(sizes), 1 / len(sizes))
            drawn = combination_interval(samples, weights, rng=rng, draws=199) if seed < 200 else None
            for i, found in enumerate((stratified_interval(samples, weights), drawn)):
                covered[i] += found is not None and found.low[0] <= 8 <= found.high[0]
        assert 0.92 <= covered[0] / 600 <= 0.97
        assert covered[1] / 200 < covered[0] / 600


class TestDifference:
    def test_exact_by_hand(self):
        # Of the 6 ways to deal 1, 2, 8, 9 into two pairs, two give a difference of 7.
        assert difference_p_values(one(1, 2), one(8, 9), rng=generator()) == pytest.approx([2 / 6])

    def test_exact_as_every_way_to_deal(self):
        first, second = generator(1).normal(size=(2, 4)), generator(2).normal(1, size=(2, 5))
        both = np.concatenate([first, second], axis=1)
        for row, p_value in enumerate(difference_p_values(first, second, rng=generator())):
            gaps = []
            for chosen in combinations(range(9), 4):
                inside = np.isin(np.arange(9), chosen)
                gaps.append(abs(both[row, inside].mean() - both[row, ~inside].mean()))
            assert p_value == pytest.approx(np.mean(np.array(gaps) >= gaps[0] - 1e-12))

    @pytest.mark.parametrize("sizes", [(6, 9), (9, 6)])
    def test_drawn_at_random_is_near_to_exact(self, sizes):
        # 15 over 6 is 5,005 deals; the share of 4,000 drawn ones at least as far out has a standard error of 0.008.
        first, second = (generator(i).normal(0.5 * i, size=(2, size)).round(1) for i, size in enumerate(sizes))
        exact = difference_p_values(first, second, rng=generator(), permutations=5005)
        drawn = difference_p_values(first, second, rng=generator(4), permutations=4000)
        np.testing.assert_allclose(drawn, exact, atol=0.025)
        assert (drawn != exact).all()
        assert (difference_p_values(first, second, rng=generator(9), permutations=5005) == exact).all()
        small = difference_p_values(1e-13 * first, 1e-13 * second, rng=generator(4), permutations=4000)
        assert small.tolist() == drawn.tolist()  # whatever the unit

    @pytest.mark.parametrize("count", [300, 301])
    def test_as_literally_dealt(self, count, monkeypatch):
        values, rng = generator(1).normal(size=count), generator(2)
        few = np.arange(count) < 100
        if count == 300:  # all are dealt
            dealt = rng.permuted(np.tile(few, (50, 1)), axis=1)
        else:  # the smaller sample is drawn
            dealt = [np.isin(range(301), rng.choice(301, 100, replace=False, shuffle=False)) for _ in range(50)]
        gaps = [abs(values[inside].mean() - values[~inside].mean()) for inside in (few, *dealt)]
        further = sum(gap >= gaps[0] for gap in gaps)
        for at_once in (2**21, 7 * count, 1):  # numbers: all 50 deals, seven or one at a time
            monkeypatch.setattr(resampling, "_NUMBERS_AT_ONCE", at_once)
            found = difference_p_values(values[None, :100], values[None, 100:], rng=generator(2), permutations=50)
            assert found == [further / 51]

    def test_ties_count_as_at_least_as_far_out(self):
        # Every deal of these is as far out as the one found, or further: 1 of 40 is in one side or in the other.
        first, second = np.zeros((1, 20)), np.eye(1, 20)
        assert difference_p_values(first + 0.1, second + 0.1, rng=generator(), permutations=99) == [1]

    def test_one_face_a_side_is_no_test(self):
        assert np.isnan(difference_p_values(one(1), one(2, 3), rng=generator())).all()
        assert difference_p_values(np.ones((2, 1)), np.ones((2, 3)), rng=generator()).shape == (2,)

    def test_false_positives_and_power(self):
        rng = generator(7)
        tests = [
            difference_p_values(
                np.stack([rng.normal(size=50), rng.normal(0.8, 1, size=50)]),
                rng.normal(size=(2, 50)),
                rng=rng,
                permutations=199,
            )
            for _ in range(1000)
        ]
        null, planted = (np.array(tests) <= 0.05).mean(axis=0)
        assert 0.03 <= null <= 0.07
        assert planted >= 0.9  # 0.8 standard deviations between two groups of 50


class TestStratified:
    @pytest.mark.parametrize("sizes", [((3, 2), (2, 3)), ((3, 2), (2, 2)), ((2, 2), (2, 3))])
    def test_as_every_way_to_deal_within_strata(self, sizes):
        strata = [(generator(1).normal(size=(2, sizes[0][0])), generator(2).normal(size=(2, sizes[0][1])))]
        strata += [(generator(3).normal(1, size=(2, sizes[1][0])), generator(4).normal(size=(2, sizes[1][1])))]
        shares = 0.3, 0.7
        gaps = [[], []]
        for chosen in product(*(combinations(range(sum(pair)), pair[0]) for pair in sizes)):
            gap = 0
            for (first, second), share, members in zip(strata, shares, chosen, strict=True):
                both = np.concatenate([first, second], axis=1)
                inside = np.isin(np.arange(both.shape[1]), members)
                gap = gap + share * (both[:, inside].mean(axis=1) - both[:, ~inside].mean(axis=1))
            gaps = [[*so_far, abs(one)] for so_far, one in zip(gaps, gap, strict=True)]
        found = sum(share * (a.mean(axis=1) - b.mean(axis=1)) for (a, b), share in zip(strata, shares, strict=True))
        exact = [np.mean(np.array(one) >= abs(value) - 1e-12) for one, value in zip(gaps, found, strict=True)]
        drawn = stratified_p_values(strata, shares, rng=generator(5), permutations=4000)
        np.testing.assert_allclose(drawn, exact, atol=0.025)

    @pytest.mark.parametrize(("worse", "p_value"), [(1.2, 0.18), (0.8, 0.09)])
    def test_strata_of_one_and_nine_faces_by_hand(self, worse, p_value):
        # Differences: 1 as it is, in a tenth of the deals, else -1 / 9; and worse / 9 as it is, in nine tenths, else
        # -worse. The two furthest: 1 + worse / 9, as found, and -1 / 9 - worse.
        strata = [(one(1), np.zeros((1, 9))), (one(worse, *[0] * 8), one(0))]
        found = stratified_p_values(strata, (0.5, 0.5), rng=generator(), permutations=4000)
        assert found[0] == pytest.approx(p_value, abs=0.025)

    @pytest.mark.long
    def test_unequal_strata_alone_are_no_difference(self):
        # Nearly all of the first sample is in the stratum of large values: the crude difference is 8, within strata 0.
        rng = generator(6)
        low = [(rng.normal(size=(1, 5)), rng.normal(size=(1, 45))) for _ in range(1000)]
        high = [(rng.normal(10, 1, size=(1, 45)), rng.normal(10, 1, size=(1, 5))) for _ in range(1000)]
        p_values = [
            stratified_p_values(both, (0.5, 0.5), rng=rng, permutations=199)[0] for both in zip(low, high, strict=True)
        ]
        assert 0.03 <= np.mean(np.array(p_values) <= 0.05) <= 0.07
        shifted = [
            [(first + 1.2, second) for first, second in both] for both in zip(low[:150], high[:150], strict=True)
        ]
        found = [stratified_p_values(both, (0.5, 0.5), rng=rng, permutations=199)[0] <= 0.05 for both in shifted]
        assert np.mean(found) >= 0.9  # 1.2 standard deviations, in two strata of 5 and 45 faces


def test_cliffs_delta_by_hand():
    # Of the 6 pairs, 4 are above, 1 is below, 1 is equal.
    assert cliffs_delta(one(2, 5, 6), one(2, 4)) == pytest.approx([(4 - 1) / 6])
    assert cliffs_delta(one(3, 3), one(3, 3)) == pytest.approx([0])
    assert np.isnan(cliffs_delta(np.empty((1, 0)), one(1)))


class TestCorrelation:
    def test_exact_by_hand(self):
        # Of the 6 orders of three values, one gives r = 1 and one r = -1.
        columns = np.array([[1, 1], [2, 1], [3, 1]])
        found = column_correlation_p_values(columns, [10, 20, 30], rng=generator())
        np.testing.assert_array_equal(found, [2 / 6, np.nan])

    def test_as_literally_permuted(self):
        rng = generator(1)
        columns, y = rng.normal(size=(12, 3)), rng.normal(size=12)
        found = column_correlation_p_values(columns, y, rng=generator(2), permutations=60)
        literal = generator(2)
        further = np.ones(3)
        for _ in range(60):
            permuted = literal.permuted(y)
            for i, x in enumerate(columns.T):
                further[i] += abs(np.corrcoef(x, permuted)[0, 1]) >= abs(np.corrcoef(x, y)[0, 1])
        assert found.tolist() == (further / 61).tolist()
        small = column_correlation_p_values(1e-13 * columns, 1e-13 * y, rng=generator(2), permutations=60)
        assert small.tolist() == found.tolist()  # whatever the unit

    @pytest.mark.parametrize("count", [3, 7])
    def test_of_few_faces_every_order_counts_once(self, count):
        columns, y = generator(1).normal(size=(count, 2)), np.arange(count)
        found = column_correlation_p_values(columns, y, rng=generator(), permutations=5040)
        for p_value, x in zip(found, columns.T, strict=True):
            exact = scipy.stats.permutation_test(
                (x,), lambda x: abs(np.corrcoef(x, y)[0, 1]), permutation_type="pairings", alternative="greater"
            )
            assert p_value == pytest.approx(exact.pvalue)

    def test_of_eight_faces_orders_are_drawn(self):
        columns, y = generator(1).normal(size=(8, 1)), np.arange(8)
        (p_value,) = column_correlation_p_values(columns, y, rng=generator(), permutations=40_320)
        assert p_value * 40_321 == pytest.approx(round(p_value * 40_321), abs=1e-6)  # 8! and the one as it is

    @pytest.mark.parametrize("at_once", [150, 1])
    def test_in_pieces_it_is_the_same(self, monkeypatch, at_once):
        columns, y = generator(1).normal(size=(20, 2)), generator(2).normal(size=20)
        whole = column_correlation_p_values(columns, y, rng=generator(3), permutations=99)
        monkeypatch.setattr(resampling, "_NUMBERS_AT_ONCE", at_once)
        assert (column_correlation_p_values(columns, y, rng=generator(3), permutations=99) == whole).all()

    def test_ties_count_as_at_least_as_far_out(self):
        # Two values each, r = 0.6: permutations are as far out, further, or at 0.2. An r of exactly 0 is reached or
        # surpassed by every permutation.
        x = np.array([0.1] * 5 + [0.4] * 5)
        y = np.array([0.1, 0.1, 0.1, 0.1, 0.7, 0.1, 0.7, 0.7, 0.7, 0.7])
        found = column_correlation_p_values(x[:, None], y, rng=generator(1), permutations=20_000)
        exact = 2 * (25 + 1) / 252  # of the 10 over 5 ways, 5 * 5 + 1 have at least four of five together, twofold
        assert found[0] == pytest.approx(exact, abs=0.01)
        none = np.tile([0.1, 0.3], 6), np.repeat([0.1, 0.2, 0.7], 4)
        found = column_correlation_p_values(none[0][:, None], none[1], rng=generator(1), permutations=999)
        assert found == [1]

    def test_no_answer(self):
        columns = np.column_stack([np.ones(9), np.arange(9)])
        found = column_correlation_p_values(columns, np.arange(9) ** 2, rng=generator(), permutations=99)
        assert np.isnan(found).tolist() == [True, False]
        nothing = column_correlation_p_values(columns, np.ones(9), rng=generator())
        assert nothing.shape == (2,) and np.isnan(nothing).all()
        for few in (0, 1, 2):
            assert np.isnan(column_correlation_p_values(columns[:few], np.arange(few), rng=generator())).all()

    def test_false_positives_and_power(self):
        rng = generator(8)
        found = []
        for _ in range(400):
            x, *noise = rng.normal(size=(5, 60))
            columns = np.column_stack([*noise[:3], 0.5 * x + noise[3]])
            found.append(column_correlation_p_values(columns, x, rng=rng, permutations=199) <= 0.05)
        assert 0.03 <= np.mean(np.array(found)[:, :3]) <= 0.07
        assert np.mean(found, axis=0)[3] >= 0.9  # r = 0.45 in 60 faces


def test_adjusted_by_hand():
    table = pd.DataFrame({"kind": ["a", "a", "a", "b", "b"], "p_value": [0.01, 0.04, np.nan, 0.04, 0.5]})
    adjusted = with_adjusted(table, ["kind"])
    assert adjusted["p_holm"].tolist()[:2] == pytest.approx([0.02, 0.04])
    assert np.isnan(adjusted["p_holm"][2])
    assert adjusted["p_bh"].tolist()[3:] == pytest.approx([0.08, 0.5])
    assert "p_holm" not in table


class TestDraws:
    @pytest.mark.parametrize("count", [9, 301])  # dealt in full, or the smaller sample drawn
    def test_sums_of_dealt_are_of_that_many_faces_each_once(self, count):
        marks = np.eye(count)  # a column a face: which of them were drawn
        sums = sums_of_dealt(marks, 4, generator(), 500)
        assert (sums.sum(axis=1) == 4).all() and set(np.unique(sums)) == {0, 1}
        np.testing.assert_allclose(sums.mean(axis=0), 4 / count, atol=0.1)

    def test_means_of_draws_as_drawn_literally(self, monkeypatch):
        values = generator(1).normal(size=(2, 7))
        literal = generator(2)
        expected = [values[:, literal.integers(7, size=7)].mean(axis=1) for _ in range(30)]
        np.testing.assert_allclose(means_of_draws(values, rng=generator(2), draws=30), expected)
        monkeypatch.setattr(resampling, "_NUMBERS_AT_ONCE", 20)  # two draws at a time
        np.testing.assert_allclose(means_of_draws(values, rng=generator(2), draws=30), expected)
        assert means_of_draws(values, rng=generator(2), draws=29).shape == (29, 2)
