"""Weighted sums of values against statsmodels, scipy and literal twins."""

from itertools import combinations

import numpy as np
import pytest
import scipy
import statsmodels.api as sm

from age_audit.stats import clustered
from age_audit.stats.clustered import (
    Influence,
    cluster_weights,
    clustered_difference_p_values,
    covariance,
    draws_of_shares,
    interval,
    of_coefficient,
    of_means,
    ratio_interval,
)
from age_audit.stats.linear import bent_line
from age_audit.stats.resampling import difference_p_values


def regression(seed, count=400, alike=0.0, sizes=4):
    """Group, other columns, values and clusters: the coefficient of the group is 2, faces of a cluster are alike."""
    rng = np.random.default_rng(seed)
    clusters = np.sort(rng.integers(0, count // sizes, count))
    group, age = rng.integers(0, 2, count).astype(float), rng.uniform(0, 90, count)
    noise = np.sqrt(alike) * rng.normal(size=count)[clusters] + np.sqrt(1 - alike) * rng.normal(size=count)
    return group, bent_line(age, bends=2), 2 * group + 0.1 * age + 3 * noise, clusters


def test_a_difference_of_means_is_welchs():
    rng = np.random.default_rng(1)
    values, first = rng.normal(0, np.arange(1, 41)), np.arange(40) < 15
    found = of_means(values, [first, ~first], [1, -1])
    assert found.value == pytest.approx(values[first].mean() - values[~first].mean())
    t = scipy.stats.ttest_ind(values[first], values[~first], equal_var=False).statistic
    assert found.value / np.sqrt(covariance([found]).item()) == pytest.approx(t)


def test_a_mean_of_one_face_has_no_error():
    assert np.isnan(of_means([1.0, 2, 3], [np.array([True, False, False])], [1]).value)


def test_a_coefficient_is_least_squares_with_hc2():
    group, others, y, _ = regression(2, 60)
    fit = sm.OLS(y, np.column_stack([group, others])).fit(cov_type="HC2")
    assert interval(of_coefficient(group, others, y), confidence=0.9) == pytest.approx(
        (fit.params[0], *fit.conf_int(0.1)[0])
    )


def test_columns_may_determine_each_other_but_not_the_first():
    group, others, y, _ = regression(2, 60)
    twice = np.column_stack([others, others @ np.ones(others.shape[1]), np.zeros(60)])
    assert of_coefficient(group, twice, y).value == pytest.approx(of_coefficient(group, others, y).value)
    assert np.isnan(of_coefficient(others[:, 1] + 1, others, y).value)
    assert np.isnan(of_coefficient(group[:3], others[:3], y[:3]).value)


def test_random_intercepts_are_those_of_a_mixed_model():
    group, others, y, clusters = regression(3, 600, alike=0.6, sizes=3)
    columns = np.column_stack([group, others])
    fit = sm.MixedLM(y, columns, groups=clusters).fit()
    found = of_coefficient(group, others, y, clusters)
    plain = of_coefficient(group, others, y)
    assert found.value == pytest.approx(fit.params[0], abs=0.03) and abs(plain.value - fit.params[0]) > 0.05
    error = np.sqrt(covariance([found], clusters).item())
    assert error == pytest.approx(fit.bse[0], rel=0.1) and error < np.sqrt(covariance([plain], clusters).item())


def test_without_copies_clusters_change_nothing():
    group, others, y, _ = regression(4, 60)
    one, other = of_coefficient(group, others, y), of_coefficient(group, others, y, np.arange(60))
    assert one.value == pytest.approx(other.value)
    np.testing.assert_allclose(one.of_faces, other.of_faces)


def test_covariances_are_sums_over_pairs_of_faces_in_one_cluster():
    rng = np.random.default_rng(5)
    first, second = rng.normal(size=(2, 12))
    clusters = rng.integers(0, 4, 12)
    expected = np.zeros((2, 2))
    for i in range(12):
        for j in range(12):
            if clusters[i] == clusters[j]:
                expected += np.outer([first[i], second[i]], [first[j], second[j]])
    found = covariance([Influence(0.0, first), Influence(0.0, second)], clusters)
    np.testing.assert_allclose(found, (expected + expected.T) / 2)


def test_fieller_holds_the_ratios_that_are_not_rejected():
    rng = np.random.default_rng(6)
    values = np.stack([rng.normal(2, 3, 80), rng.normal(5, 3, 80)])
    top, bottom = (of_means(row, [np.full(80, True)], [1]) for row in values)
    ratio, low, high = ratio_interval(top, bottom)
    assert ratio == pytest.approx(top.value / bottom.value)
    inside = []
    for candidate in np.arange(-1, 2, 0.001):
        left = Influence(top.value - candidate * bottom.value, top.of_faces - candidate * bottom.of_faces)
        _, least, most = interval(left)
        if least <= 0 <= most:
            inside.append(candidate)
    assert (low, high) == pytest.approx((inside[0], inside[-1]), abs=0.002)


def test_whole_clusters_are_drawn():
    clusters = np.array(["a", "b", "c", "a", "c", "c"])
    weights = cluster_weights(clusters, rng=np.random.default_rng(7), draws=400)
    assert (weights[:, 0] == weights[:, 3]).all() and (weights[:, 2:3] == weights[:, [4, 5]]).all()
    assert (weights[:, :3].sum(axis=1) == 3).all() and weights[:, :3].mean(axis=0) == pytest.approx([1, 1, 1], abs=0.1)


@pytest.mark.parametrize("alike", [0.0, 0.7])
def test_covers_as_often_as_it_says(alike):
    covered = {"clusters": 0, "faces alone": 0}
    for seed in range(400):
        rng = np.random.default_rng(seed)
        group = np.repeat(rng.integers(0, 2, 60), 3).astype(float)  # of a cluster all faces are in one group
        clusters = np.repeat(np.arange(60), 3)
        y = 2 * group + np.sqrt(alike) * rng.normal(size=60)[clusters] + np.sqrt(1 - alike) * rng.normal(size=180)
        for name, of in (("clusters", clusters), ("faces alone", None)):
            _, low, high = interval(of_coefficient(group, np.ones((180, 1)), y, of), of)
            covered[name] += low < 2 < high
    assert 0.92 <= covered["clusters"] / 400 <= 0.97
    assert alike == 0 or covered["faces alone"] / 400 < 0.85


def test_clusters_change_places_with_those_of_their_size():
    # Two pairs and four single faces: the pairs' labels can be dealt in 2 ways, those of the four in 6.
    first, second, clusters = [9.0, 8, 7, 3], [1.0, 2, 4, 6], (["p", "p", "a", "b"], ["q", "q", "c", "d"])
    differences = [
        np.mean([*pair, *singles]) - np.mean([*other, *({7, 3, 4, 6} - set(singles))])
        for pair, other in (((9, 8), (1, 2)), ((1, 2), (9, 8)))
        for singles in combinations((7, 3, 4, 6), 2)
    ]
    expected = np.mean(np.abs(differences) >= np.mean(first) - np.mean(second))
    given = np.array([first, [5.0] * 4]), np.array([second, [5.0] * 4])
    found = clustered_difference_p_values(*given, clusters, rng=np.random.default_rng(1), permutations=20_000)
    assert found == pytest.approx([expected, 1], abs=0.01) and 0 < expected < 1


def test_a_cluster_that_is_in_both_samples_deals_its_labels_within():
    # Pairs of one man and one woman each, men always larger: of 2 ** 5 deals two are so far apart.
    men, women = np.arange(10.0, 15)[None], np.arange(5.0)[None]
    names = list("abcde")
    found = clustered_difference_p_values(men, women, [names, names], rng=np.random.default_rng(1), permutations=20_000)
    assert found == pytest.approx(2 / 32, abs=0.01)


def test_where_no_cluster_can_move_there_is_no_p_value():
    rng = np.random.default_rng(1)
    first, second = np.array([[1.0, 2, 3, 4, 5]]), np.array([[9.0, 8, 7, 6, 5]])
    stay = clustered_difference_p_values(first, second, [list("aabbb"), list("ccccd")], rng=rng)  # 2, 3, 4 and 1
    one = clustered_difference_p_values(first, second, [list("aaaaa"), list("bcdef")], rng=rng)
    assert np.isnan(stay).all() and np.isnan(one).all()


def test_faces_that_are_all_alone_have_the_p_values_of_faces():
    rng = np.random.default_rng(2)
    first, second = rng.normal(size=(2, 30)), rng.normal(0.7, 1, size=(2, 40))
    alone = clustered_difference_p_values(first, second, [range(30), range(30, 70)], rng=np.random.default_rng(3))
    assert (alone == difference_p_values(first, second, rng=np.random.default_rng(3))).all()


def test_copies_make_no_p_value_small():
    """Ten copies of each face say what the faces say; dealt singly they say it ten times as loudly."""
    rng = np.random.default_rng(4)
    first, second = rng.normal(size=(1, 15)), rng.normal(0.5, 1, size=(1, 15))
    copied = np.repeat(first, 10, axis=1), np.repeat(second, 10, axis=1)
    clusters = np.repeat(np.arange(30), 10)
    plain = difference_p_values(first, second, rng=rng)[0]
    moved = clustered_difference_p_values(*copied, np.split(clusters, 2), rng=rng)[0]
    assert moved == pytest.approx(plain, abs=0.03)
    assert difference_p_values(*copied, rng=rng)[0] < plain / 10


@pytest.mark.long
def test_p_values_of_clusters_are_uniform_where_nothing_is():
    found = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        sizes = rng.integers(1, 4, 40)
        clusters = np.repeat(np.arange(40), sizes)
        labels = rng.integers(0, 2, 40)[clusters].astype(bool)
        values = rng.normal(size=40)[clusters] + 0.1 * rng.normal(size=len(clusters))
        sides = [(values[None, one], clusters[one]) for one in (labels, ~labels)]
        found.append(
            clustered_difference_p_values(sides[0][0], sides[1][0], [c for _, c in sides], rng=rng, permutations=199)[0]
        )
    assert 0.03 <= np.mean(np.array(found) <= 0.05) <= 0.075


def literal_draws(yes, cell, clusters, rng, draws):
    """Clusters drawn by number, their faces put together, half a cluster of either kind added on average."""
    names = np.unique(clusters[cell])
    of_cluster = {name: yes[cell & (clusters == name)] for name in names}
    size, shares = cell.sum() / names.size, []
    for _ in range(draws):
        faces = np.concatenate([of_cluster[name] for name in rng.choice(names, names.size)])
        added = size * rng.poisson(0.5, 2)
        shares.append((faces.sum() + added[0]) / (faces.size + added.sum()))
    return np.array(shares)


def test_draws_of_shares_are_those_of_a_literal_bootstrap():
    rng = np.random.default_rng(5)
    clusters, yes = np.repeat(np.arange(20), 3), rng.random(60) < 0.3
    yes[:30] = np.repeat(yes[:30:3], 3)  # half of the clusters are alike within
    cell = np.arange(60) < 54
    centre, drawn = draws_of_shares(yes, [cell], rng=np.random.default_rng(1), draws=4_000, clusters=clusters)
    twin = literal_draws(yes, cell, clusters, np.random.default_rng(2), 4_000)
    assert centre[0] == pytest.approx((yes[cell].sum() + 1.5) / 57)  # half a cluster of three, and half another
    assert drawn.std() == pytest.approx(twin.std() * np.sqrt(18 / 17), rel=0.05)
    assert np.median(drawn) == pytest.approx(np.median(twin), abs=0.02)


def test_draws_of_two_cells_of_one_cluster_go_together():
    yes, first = np.repeat(np.arange(30) % 3 == 0, 2), np.arange(60) % 2 == 0
    _, drawn = draws_of_shares(
        yes, [first, ~first], rng=np.random.default_rng(1), draws=500, clusters=np.arange(60) // 2
    )
    assert np.corrcoef(drawn.T)[0, 1] > 0.9


def test_draws_of_shares_of_faces_that_are_all_alike_still_scatter():
    centre, drawn = draws_of_shares(np.zeros(50, bool), [np.full(50, True)], rng=np.random.default_rng(1), draws=2_000)
    assert centre[0] == pytest.approx(0.5 / 51) and drawn.min() == 0
    assert 0.02 < np.quantile(drawn, 0.975) < 0.08


def test_a_cell_of_which_nothing_was_drawn_is_at_its_centre():
    cells = [np.arange(40) == 0, np.arange(40) > 0]
    centre, drawn = draws_of_shares(np.arange(40) < 9, cells, rng=np.random.default_rng(1), draws=200, added=1e-6)
    assert centre[0] == pytest.approx(1) and np.isfinite(drawn).all() and drawn[:, 0] == pytest.approx(1)


def test_p_values_of_few_lone_faces_are_exact():
    found = clustered_difference_p_values(
        np.array([[1.0, 2, 3]]), np.array([[4.0, 5, 6]]), ["abc", "def"], rng=np.random.default_rng(1)
    )
    assert found[0] == pytest.approx(2 / 20)


def test_p_values_do_not_depend_on_the_unit_nor_on_how_many_deals_are_held_at_a_time(monkeypatch):
    rng = np.random.default_rng(5)
    sides = [rng.integers(0, 4, (1, 24)) / 10 for _ in range(2)]  # which tie, and are no exact numbers
    clusters = [np.arange(24) // 2, np.arange(24, 48) // 2]
    plain = clustered_difference_p_values(*sides, clusters, rng=np.random.default_rng(6))
    large = clustered_difference_p_values(*(1e9 * side for side in sides), clusters, rng=np.random.default_rng(6))
    assert plain == large
    monkeypatch.setattr(clustered, "_NUMBERS_AT_ONCE", 1_000)  # 20 deals
    assert clustered_difference_p_values(*sides, clusters, rng=np.random.default_rng(7)) == pytest.approx(
        plain, abs=0.03
    )


def test_a_ratios_interval_does_not_depend_on_the_unit():
    rng = np.random.default_rng(8)
    y = rng.normal(5, 1, 30)
    everyone = [np.full(30, True)]
    plain = ratio_interval(of_means(y[::-1] / 3, everyone, [1]), of_means(y, everyone, [1]))
    small = ratio_interval(of_means(y[::-1] / 3e4, everyone, [1]), of_means(y / 1e4, everyone, [1]))
    assert plain == pytest.approx(small) and plain[1] < plain[0] < plain[2]


def test_faces_of_a_cluster_that_are_unlike_each_other_count_as_unrelated():
    group, others, _, _ = regression(9, 40)
    y = np.tile([1.0, -1.0], 20) + 0.01 * np.arange(40)  # of each pair the one is up, the other down
    clusters = np.arange(40) // 2
    assert of_coefficient(group, others, y, clusters).value == pytest.approx(of_coefficient(group, others, y).value)


def test_kinds_of_rows_are_those_of_numpy():
    rows = np.random.default_rng(1).integers(0, 3, (500, 4))
    for found, expected in zip(clustered._kinds(rows), np.unique(rows, axis=0, return_counts=True), strict=True):
        assert np.array_equal(found, expected)
    wide = np.eye(70, dtype=np.int64)[
        np.random.default_rng(2).integers(0, 70, 400)
    ]  # 3 ** 70 is more than an int holds
    found, sizes = clustered._kinds(wide)
    assert np.array_equal(found, np.unique(wide, axis=0)) and sizes.sum() == 400
