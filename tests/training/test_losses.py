"""Losses by hand, and heads that end with probabilities."""

import keras
import numpy as np
import pytest
from scipy.stats import norm

from age_audit.training.groups import TEN_GROUPS, parse_groups
from age_audit.training.losses import LOSSES, coral_loss, group_said, head, loss_function, targets

GROUPS = parse_groups(["0-9", "10-19", "20-"])


def test_soft_labels_by_hand():
    # 9 years: the middle of the year is 9.5, the standard deviation 1 + 0.08 * 9.5 = 1.76.
    below = norm.cdf(np.array([0, 10, 20]), 9.5, 1.76)
    expected = np.array([below[1] - below[0], below[2] - below[1], 1 - below[2]]) / (1 - below[0])
    assert targets([9], GROUPS, "soft")[0] == pytest.approx(expected, abs=1e-6)
    assert expected[0] == pytest.approx(0.612, abs=1e-3)


def test_hard_labels_are_1_for_the_group():
    assert targets([0, 19.9, 99], GROUPS, "coral").tolist() == np.eye(3).tolist()


@pytest.mark.parametrize("loss", LOSSES)
def test_labels_are_distributions_whose_largest_is_the_group(loss):
    groups = parse_groups(TEN_GROUPS)
    ages = np.arange(117)
    found = targets(ages, groups, loss)
    assert found.sum(axis=1) == pytest.approx(np.ones(117), abs=1e-6)
    assert (found.argmax(axis=1) == groups.of(ages)).mean() > 0.97


def test_the_group_said_by_hand():
    told = np.array([[0.4, 0.3, 0.3], [0.5, 0.1, 0.4], [0.1, 0.35, 0.55], [0.3, 0.3, 0.4]])
    assert np.asarray(group_said(told, "cross-entropy")).tolist() == [0, 0, 2, 2]
    for loss in ("soft", "coral"):  # the first group up to which half lies
        assert np.asarray(group_said(told, loss)).tolist() == [1, 0, 2, 1]


def test_the_median_errs_least_far_and_the_most_probable_is_right_most_often():
    rng = np.random.default_rng(1)
    told = rng.dirichlet(np.full(6, 0.7), 300)
    off = np.abs(np.arange(6)[:, None] - np.arange(6))  # of each group said, how far from each that it may be
    median, likely = (np.asarray(group_said(told, loss)) for loss in ("coral", "cross-entropy"))
    assert ((told @ off)[range(300), median] <= (told @ off).min(axis=1) + 1e-12).all()
    assert (told[range(300), likely] == told.max(axis=1)).all() and (median != likely).any()


@pytest.mark.parametrize("loss", LOSSES)
def test_what_should_be_said_of_a_label_is_its_group(loss):
    groups, ages = parse_groups(TEN_GROUPS), np.arange(117)
    said = np.asarray(group_said(targets(ages, groups, loss), loss))
    assert (said == groups.of(ages)).all()


def test_coral_says_how_many_groups_one_is_more_probably_older_than():
    told = np.random.default_rng(1).dirichlet(np.ones(5), 100)
    expected = [sum(row[k + 1 :].sum() > 0.5 for k in range(4)) for row in told]
    assert np.asarray(group_said(told, "coral")).tolist() == expected


def test_cross_entropy_by_hand():
    truth, answer = np.array([[0.0, 1, 0], [1, 0, 0]]), np.array([[0.2, 0.5, 0.3], [0.25, 0.5, 0.25]])
    assert float(loss_function("cross-entropy")(truth, answer)) == pytest.approx((np.log(2) + np.log(4)) / 2, rel=1e-5)


def literal_coral(truth, answer):
    """One question after the other: is the face older than group k?"""
    total = 0.0
    for k in range(len(truth) - 1):
        is_older, said = sum(truth[k + 1 :]), sum(answer[k + 1 :])
        total -= is_older * np.log(said) + (1 - is_older) * np.log(1 - said)
    return total


def test_coral_is_the_sum_over_its_questions():
    rng = np.random.default_rng(1)
    truth, answer = np.eye(5)[[0, 4, 2]], rng.dirichlet(np.ones(5), 3)
    expected = [literal_coral(*pair) for pair in zip(truth, answer, strict=True)]
    assert np.asarray(coral_loss(truth, answer)) == pytest.approx(expected, rel=1e-5)


def test_coral_minds_by_how_much_one_errs_where_cross_entropy_does_not():
    truth, near, far = np.eye(4)[[0]], np.array([[0.1, 0.8, 0.05, 0.05]]), np.array([[0.1, 0.05, 0.05, 0.8]])
    near_and_far = [float(coral_loss(truth, answer)[0]) for answer in (near, far)]
    assert near_and_far[1] > 2 * near_and_far[0]
    assert len({round(float(loss_function("cross-entropy")(truth, answer)), 6) for answer in (near, far)}) == 1


@pytest.mark.parametrize("loss", LOSSES)
def test_heads_end_with_probabilities(loss):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((6,))
    answer = keras.Model(inputs, head(inputs, 5, loss)).predict(
        10 * np.random.default_rng(1).normal(size=(9, 6)), verbose=0
    )
    assert answer.min() >= 0 and answer.sum(axis=1) == pytest.approx(np.ones(9), abs=1e-5)


@pytest.mark.parametrize("groups", [2, 3, 10, 117])
def test_coral_begins_in_the_middle_of_its_groups(groups):
    inputs = keras.Input((4,))
    told = keras.Model(inputs, head(inputs, groups, "coral")).predict_on_batch(np.zeros((1, 4), np.float32))[0]
    assert told == pytest.approx(told[::-1], abs=1e-5) and told.sum() == pytest.approx(1, abs=1e-5)
    ends = [told[: k + 1].sum() for k in range(groups - 1)]
    assert np.diff(np.log(ends) - np.log1p(-np.array(ends))) == pytest.approx(
        np.full(groups - 2, 8 / (groups - 1)), abs=1e-3
    )
