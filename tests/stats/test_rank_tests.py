"""The rank test: scipy's Kruskal–Wallis, and a literal permutation by hand."""

import itertools

import numpy as np
import pytest
import scipy

from age_audit.stats import rank_tests
from age_audit.stats.rank_tests import rank_test


def row_of(values, groups, strata=None, permutations=999, seed=1):
    return rank_test(values, groups, strata, rng=np.random.default_rng(seed), permutations=permutations)


def literal_scores(values, strata):
    """Ranks of the values less their stratum's mean, less the stratum's mean rank, face by face."""
    n = range(len(values))
    aligned = [values[i] - np.mean([values[j] for j in n if strata[j] == strata[i]]) for i in n]
    ranks = [sum((b < a - 1e-9) + 0.5 * (abs(b - a) <= 1e-9) for b in aligned) + 0.5 for a in aligned]
    return [ranks[i] - np.mean([ranks[j] for j in n if strata[j] == strata[i]]) for i in n]


def literal_between(scores, groups):
    """Share of the scores' squares that lies between groups."""
    sums = {g: [score for score, group in zip(scores, groups, strict=True) if group == g] for g in set(groups)}
    return sum(sum(own) ** 2 / len(own) for own in sums.values()) / sum(score**2 for score in scores)


def literal_share(values, groups, strata):
    return literal_between(literal_scores(values, strata), groups)


def test_statistic_is_that_of_kruskal_and_wallis():
    rng = np.random.default_rng(3)
    values, groups = rng.integers(0, 9, 60).astype(float), rng.integers(0, 4, 60)  # with ties
    row = row_of(values, groups, permutations=4999)
    expected = scipy.stats.kruskal(*(values[groups == g] for g in range(4)))
    assert row["statistic"] == pytest.approx(expected.statistic)
    assert row["epsilon_squared"] == pytest.approx(expected.statistic / 59)
    assert row["p_value"] == pytest.approx(expected.pvalue, abs=0.03)
    assert row["expected_by_chance"] == pytest.approx(3 / 59, abs=0.005)
    assert (row["groups"], row["n"], row["n_comparable"]) == (4, 60, 60)


def test_labels_are_dealt_within_years_only():
    # Every way of dealing two labels among 3 faces of one year and 3 of another: 3 × 3, all equally likely.
    values, groups, strata = [1.0, 2, 6, 11, 12, 18], [0, 0, 1, 0, 0, 1], [7, 7, 7, 9, 9, 9]
    found = literal_share(values, groups, strata)
    ways = [
        literal_share(values, [int(i == a) for i in range(3)] + [int(i == b) for i in range(3)], strata)
        for a, b in itertools.product(range(3), repeat=2)
    ]
    row = row_of(values, groups, strata, permutations=8999)
    assert row["epsilon_squared"] == pytest.approx(found)
    assert row["p_value"] == pytest.approx(np.mean([way >= found - 1e-9 for way in ways]), abs=0.015)
    assert row["expected_by_chance"] == pytest.approx(np.mean(ways), abs=0.015)
    assert row["cliffs_delta"] == -1


def test_faces_that_no_other_group_shares_a_year_with_are_left_out():
    values, groups, years = [1.0, 2, 3, 4, 50, 60], [0, 1, 0, 1, 0, 0], [7, 7, 7, 7, 8, 8]
    assert row_of(values, groups, years)["n_comparable"] == 4
    assert row_of(values, groups, years)["epsilon_squared"] == row_of(values[:4], groups[:4])["epsilon_squared"]


@pytest.mark.parametrize(("count", "few"), [(29, True), (30, False)])
def test_few_are_fewer_than_thirty_comparable_faces_of_a_group(count, few):
    row = row_of(np.arange(31 + count) % 7, [0] * 31 + [1] * count, permutations=9)
    assert (row["smallest"], row["few_faces"]) == (count, few)


def test_groups_of_one_face_are_left_out():
    values, groups = [1.0, 2, 9, 5, 7, 100], [0, 0, 0, 1, 1, 2]
    row = row_of(values, groups)
    assert (row["groups"], row["n"], row["n_comparable"], row["smallest"]) == (2, 5, 5, 2)
    # Ranks 1, 2, 5 and 3, 4: H = 12 / (5 * 6) * (8² / 3 + 7² / 2) - 3 * 6; of 6 pairs 2 are above, 4 below.
    assert row["statistic"] == pytest.approx(0.4 * (64 / 3 + 49 / 2) - 18)
    assert row["cliffs_delta"] == pytest.approx(-2 / 6)
    assert np.isnan(row_of(values, [0, 0, 1, 1, 2, 2])["cliffs_delta"])  # of three groups


@pytest.mark.parametrize(("at_once", "pieces"), [(2**21, [20]), (7 * 12, [7, 7, 6]), (1, [1] * 20)])
def test_permutation_by_permutation(monkeypatch, at_once, pieces):
    monkeypatch.setattr(rank_tests, "_NUMBERS_AT_ONCE", at_once)
    values, groups, strata = [3.0, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8], [0, 1, 2] * 4, [1] * 6 + [2] * 6
    row = row_of(values, groups, strata, permutations=20)
    scores, rng, by_chance = literal_scores(values, strata), np.random.default_rng(1), []
    for many in pieces:
        halves = [rng.permuted(np.tile(half, (many, 1)), axis=1) for half in (scores[:6], scores[6:])]
        by_chance += [literal_between(deal, groups) for deal in np.hstack(halves)]
    assert row["expected_by_chance"] == pytest.approx(np.mean(by_chance))
    found = literal_between(scores, groups)
    assert row["p_value"] == (1 + sum(share >= found - 1e-9 for share in by_chance)) / 21


@pytest.mark.parametrize(
    ("values", "groups", "years"),
    [
        ([], [], []),
        ([1.0], [0], [5]),
        ([1.0, 2.0], [0, 1], [5, 5]),  # one face a group
        ([1.0, 2.0, 3.0], [0, 0, 0], [5, 5, 5]),
        ([2.0, 2.0, 2.0, 2.0], [0, 0, 1, 1], [5, 5, 5, 5]),
        ([1.0, 2.0, 3.0, 4.0], [0, 0, 1, 1], [5, 5, 6, 6]),  # no year in common
        ([1.0, 2.0, 3.0, 4.0], [0, 0, 1, 1], [5, 5, 5, 6]),  # one face of the second group in it
    ],
)
def test_nothing_to_compare(values, groups, years):
    row = row_of(values, groups, years)
    assert np.isnan([row["p_value"], row["statistic"], row["epsilon_squared"]]).all()
    assert row["few_faces"]
