"""Strata pooled by hand, and what is weighed by them."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.errors.strata import LEAST, TOLERANCE, Strata, combined, pooled, runs_of, values_and_ages

MAE = "mean_absolute_error"


def of(rows, count):
    return np.isin(np.arange(count), rows)


def places(masks):
    return [np.flatnonzero(mask).tolist() for mask in masks]


def test_limits():
    # Intervals from ten faces cover as often as they say; a year of age is at most half a year of error.
    assert (LEAST, TOLERANCE) == (10, 1.0)


def test_values_and_the_middle_of_ages():
    frame = pd.DataFrame({"age_real": [30.0, np.nan], "age_estimation": [27.0, 36.0]})
    frame = frame.assign(age_real_low=[np.nan, 20], age_real_high=[np.nan, 29])
    found = values_and_ages(frame, [MAE, "mean_signed_error"])
    np.testing.assert_array_equal(found, [[3, 7], [-3, 7], [30, 24.5]])


def test_runs_are_years_within_the_other_columns():
    frame = pd.DataFrame({"age": [3, 1, 3, 1, 2], "tone": list("ababa"), "side": list("xxxyx")})
    used = of([0, 1, 2, 3], 5)
    assert [places(run) for run in runs_of(frame, ["age"], used)] == [[[1, 3], [], [0, 2]]]
    assert [places(run) for run in runs_of(frame, ["age", "tone"], used)] == [[[], [], [0, 2]], [[1, 3], [], []]]
    pairs = [places(run) for run in runs_of(frame, ["age", "tone", "side"], used)]
    assert pairs == [[[], [], [0, 2]], [[], [], []], [[1], [], []], [[3], [], []]]


class TestPooled:
    # Faces 0-9 of ages 1, 1, 2, 2, 3, 3, 4, 4, 5, 5; the even ones are of the first side.
    run = tuple(of([2 * age, 2 * age + 1], 10) for age in range(5))
    sides = of([0, 2, 4, 6, 8], 10), of([1, 3, 5, 7, 9], 10)
    everyone = of(range(10), 10)

    @pytest.mark.parametrize(
        ("least", "strata", "smallest"),
        [
            (1, [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]], 1),
            (2, [[0, 1, 2, 3], [4, 5, 6, 7, 8, 9]], 2),  # what is left over joins the last
            (3, [list(range(10))], 5),
            (5, [list(range(10))], 5),
        ],
    )
    def test_until_every_side_has_enough(self, least, strata, smallest):
        found = pooled([self.run], self.everyone, self.sides, least)
        assert (places(found.masks), found.smallest, found.enough) == (strata, smallest, True)
        assert found.everyone.all()
        assert found.shares == [len(stratum) / 10 for stratum in strata]

    def test_too_few_are_one_stratum_that_is_not_enough(self):
        found = pooled([self.run], self.everyone, self.sides, 6)
        assert (places(found.masks), found.smallest, found.enough) == ([list(range(10))], 5, False)
        ten = pooled([self.run], self.everyone, self.sides)
        assert not ten.enough

    def test_runs_are_pooled_apart(self):
        # Ages 1 and 2 in one run, 3 to 5 in another, too few there for a stratum of three of either side.
        found = pooled([self.run[:3], self.run[3:]], self.everyone, self.sides, 3)
        assert places(found.masks) == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9]]
        assert (found.smallest, found.enough) == (2, False)

    def test_faces_of_neither_side_count_for_the_shares_and_those_of_other_levels_do_not(self):
        level = of(range(6), 10)
        found = pooled([self.run], level, (of([0, 2], 10), of([1, 3], 10)), 1)
        assert places(found.masks) == [[0, 1], [2, 3, 4, 5]]
        assert found.shares == [2 / 6, 4 / 6] and np.flatnonzero(found.everyone).tolist() == [0, 1, 2, 3, 4, 5]

    def test_nobody(self):
        found = pooled([[np.zeros(3, bool)]], np.ones(3, bool), [np.ones(3, bool)], 0)
        assert (found.smallest, found.enough) == (0, False)  # of no face nothing is enough
        empty = pooled([], np.ones(3, bool), [np.ones(3, bool)])
        assert (empty.masks, empty.smallest, empty.enough) == ([], 0, False)


def test_combined_by_hand():
    # Two strata of 4 and 6 faces: differences of 2 and 5 years, shares of 0.4 and 0.6.
    values = np.array([[3.0, 5, 1, 3, 10, 12, 14, 7, 7, 7], [1.0, 1, 1, 1, 2, 2, 2, 2, 2, 2]])
    first, second = of([0, 1, 4, 5, 6], 10), of([2, 3, 7, 8, 9], 10)
    strata = Strata([of(range(4), 10), of(range(4, 10), 10)], np.ones(10, bool), 2, True)
    assert combined(values, [first, second], strata, 0.95).value.tolist() == pytest.approx([0.4 * 2 + 0.6 * 5, 0])
    assert combined(values, [first], strata, 0.95).value.tolist() == pytest.approx([0.4 * 4 + 0.6 * 12, 1.6])
    assert combined(values, [second], strata, 0.95).value.tolist() == pytest.approx([0.4 * 2 + 0.6 * 7, 1.6])
