"""Shares and their intervals."""

import numpy as np
import pytest
import scipy

from age_audit.stats.proportions import Rates, largest_gap, share_columns, wilson_interval


@pytest.mark.parametrize(("count", "n"), [(0, 7), (1, 7), (5, 7), (7, 7), (302, 8749)])
@pytest.mark.parametrize("confidence", [0.95, 0.8])
def test_as_scipy_has_it(count, n, confidence):
    expected = scipy.stats.binomtest(count, n).proportion_ci(confidence, method="wilson")
    low, high = wilson_interval(count, n, confidence)
    assert (float(low), float(high)) == pytest.approx(tuple(expected), abs=1e-12)


def test_ends_are_exact_and_nothing_has_none():
    n = np.arange(1, 200)
    assert (wilson_interval(n, n)[1] == 1).all() and (wilson_interval(0 * n, n)[0] == 0).all()
    with np.errstate(all="raise"):
        assert np.isnan(wilson_interval(0, 0)).all() and np.isnan(share_columns([0], [0])["share"]).all()
    assert wilson_interval(0, 1)[1] < 1 and share_columns([1], [1])["share"] == [1]


def test_columns_are_named_after_the_share():
    assert list(share_columns([1], [2])) == ["share", "low", "high"]
    columns = share_columns([1, 0], [2, 0], "share_older")
    assert list(columns) == ["share_older", "share_older_low", "share_older_high"]
    assert columns["share_older"][0] == 0.5 and np.isnan(columns["share_older"][1])
    assert columns["share_older_low"][0] == wilson_interval(1, 2)[0]


def drawn(rates, seed=1, **options):
    return largest_gap(rates, rng=np.random.default_rng(seed), **options)


def of_shares(faces, n):
    """One stratum."""
    return Rates(np.array(faces)[:, None], np.array(n)[:, None], np.ones(1))


def test_the_gap_is_that_of_the_two_groups_furthest_apart_in_any_share():
    first, second = of_shares([30, 45, 60], [100, 100, 100]), of_shares([10, 90], [100, 100])
    assert drawn([first]).value == pytest.approx(0.3)
    assert drawn([first, second]).value == drawn([second, first]).value == pytest.approx(0.8)


def test_strata_are_weighted_whatever_their_faces():
    rates = Rates(np.array([[1, 90], [4, 50]]), np.array([[2, 100], [10, 100]]), np.array([0.25, 0.75]))
    assert rates.shares.tolist() == pytest.approx([0.25 * 0.5 + 0.75 * 0.9, 0.25 * 0.4 + 0.75 * 0.5])
    assert drawn([rates]).value == pytest.approx(rates.shares[0] - rates.shares[1])


def test_the_interval_is_that_of_faces_drawn_one_by_one():
    """Of many faces half a face more hardly counts, and a plain bootstrap has the same spread."""
    rng, faces, n = np.random.default_rng(3), np.array([120, 150, 90]), np.array([300, 300, 200])
    groups = [np.arange(size) < count for count, size in zip(faces, n, strict=True)]
    off = [np.ptp([rng.choice(group, len(group)).mean() - group.mean() for group in groups]) for _ in range(4_000)]
    gap = drawn([of_shares(faces, n)], draws=4_000)
    assert gap.high - gap.value == pytest.approx(np.quantile(off, 0.95), rel=0.05)
    assert gap.by_chance == pytest.approx(np.mean(off), rel=0.05)


def test_ends_stay_within_0_and_1_and_all_or_none_is_not_certain():
    none, every = drawn([of_shares([30, 30], [30, 30])]), drawn([of_shares([0, 30], [30, 30])])
    assert (none.value, none.low, every.value, every.high) == (0, 0, 1, 1)
    assert 0.02 < none.high < 0.2 and 0.8 < every.low < 0.98
    assert np.isnan([drawn([of_shares([3], [5])]).value, drawn([of_shares([3], [5])]).high]).all()


def covered(p, n, weights, simulations=300):
    """How often the interval holds the gap of groups with these shares, and how often it lies above 0."""
    rng, truth = np.random.default_rng(5), np.ptp(p @ weights)
    gaps = [largest_gap([Rates(rng.binomial(n, p), n, weights)], rng=rng, draws=400) for _ in range(simulations)]
    return np.mean([gap.low - 1e-9 <= truth <= gap.high + 1e-9 for gap in gaps]), np.mean([gap.low > 0 for gap in gaps])


@pytest.mark.long
def test_intervals_hold_the_true_gap():
    one, sizes = np.ones(1), np.array([[568], [363], [57], [237], [203]])
    assert covered(np.full((5, 1), 0.6), sizes, one)[0] >= 0.9
    assert covered(np.array([[0.81], [0.48], [0.83], [0.51], [0.60]]), sizes, one) == (pytest.approx(0.98, abs=0.02), 1)
    assert covered(np.full((2, 1), 0.99), np.array([[3_000], [40]]), one)[0] >= 0.94
    ten, growing = np.full(10, 0.1), np.tile(np.linspace(0.4, 0.99, 10), (5, 1))
    assert covered(growing, np.tile([[50], [36], [10], [24], [20]], (1, 10)), ten)[0] >= 0.9
