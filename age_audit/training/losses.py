"""What a classifier is asked to come close to: the group alone, or groups in their order.

Every model here ends with probabilities of the groups, so that all losses compare the same two arrays, and what is
trained is an estimator as it stands.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import keras
import numpy as np
import scipy
from keras import layers, ops
from numpy.typing import ArrayLike

from age_audit.training.groups import AgeGroups

LOSSES = ("cross-entropy", "soft", "coral")
SOFT_YEARS, SOFT_SHARE = 1.0, 0.08  # standard deviation of a soft label: years, and share of the age added to them


def targets(ages: ArrayLike, groups: AgeGroups, loss: str) -> np.ndarray:
    """What the probabilities of N faces should be.

    Parameters
    ----------
    ages : array_like of float, shape (N,)
        Labelled ages in years, each in one of the groups.
    groups : AgeGroups
    loss : str
        Of ``"soft"`` the label is spread by a normal distribution around the middle of the labelled year, whose
        standard deviation is 1 year and 8 % of the age: a face of 34 is then partly of the group from 35 on, one of 25
        hardly (label distribution learning: Geng, Yin and Zhou 2013). Of others 1 for the group and 0 elsewhere.

    Returns
    -------
    ndarray of float32, shape (N, K)
        Rows sum to 1.

    Examples
    --------
    >>> from age_audit.training.groups import parse_groups
    >>> groups = parse_groups(["0-17", "18-"])
    >>> targets([17, 40], groups, "cross-entropy").tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    >>> targets([17, 40], groups, "soft").round(2)  # 17.5 is 0.21 standard deviations below 18
    array([[0.58, 0.42],
           [0.  , 1.  ]], dtype=float32)
    """
    ages = np.asarray(ages, dtype=float)
    if loss != "soft":
        return np.eye(len(groups), dtype=np.float32)[groups.of(ages)]
    low, high = np.array(groups.bounds, dtype=float).T
    middle = np.floor(ages)[:, None] + 0.5
    below = [scipy.stats.norm.cdf((end - middle) / (SOFT_YEARS + SOFT_SHARE * middle)) for end in (low, high + 1)]
    mass = below[1] - below[0]
    return (mass / mass.sum(axis=1, keepdims=True)).astype(np.float32)


def coral_loss(truth, answer):
    """Sum over the K - 1 questions "older than group k?" of their cross-entropy, a tensor (N,) (Cao et al. 2020).

    Parameters
    ----------
    truth, answer : tensor of float, shape (N, K)
        Probabilities of the groups; of the truth 1 for one.

    Examples
    --------
    >>> truth, answer = np.array([[0.0, 1, 0]]), np.array([[0.2, 0.5, 0.3]])
    >>> round(float(coral_loss(truth, answer)[0]), 4)  # -log 0.8 (older than the first) - log 0.7 (not than the second)
    0.5798
    """
    asked, said = (1 - ops.cumsum(values, axis=-1)[..., :-1] for values in (truth, answer))
    said = ops.clip(said, 1e-7, 1 - 1e-7)
    return -ops.sum(asked * ops.log(said) + (1 - asked) * ops.log(1 - said), axis=-1)


def loss_function(loss: str) -> Callable | keras.losses.Loss:
    """The function of (truth, answer) that is made small.

    Examples
    --------
    >>> loss_function("coral") is coral_loss
    True
    """
    return coral_loss if loss == "coral" else keras.losses.CategoricalCrossentropy()


def group_said(probabilities, loss: str):
    """The group that a classifier says, an integer tensor (N,).

    Of ``"cross-entropy"`` the most probable, which is right most often; of losses that know the order the median, which
    errs least far: the first group up to which half of the probability lies. For ``"coral"`` it is the number of groups
    that the face is more probably older than, the rule of its authors.

    Parameters
    ----------
    probabilities : array or tensor of float, shape (N, K)
        Rows sum to 1.
    loss : str
        One of :data:`LOSSES`.

    Examples
    --------
    >>> [int(group_said(np.array([[0.4, 0.3, 0.3]]), loss)[0]) for loss in LOSSES]
    [0, 1, 1]
    """
    if loss == "cross-entropy":
        return ops.cast(ops.argmax(probabilities, axis=-1), "int32")
    below = ops.cumsum(probabilities, axis=-1)[..., :-1] < 0.5
    return ops.sum(ops.cast(below, "int32"), axis=-1)


def head(features, groups: int, loss: str):
    """The last layers: from features, a tensor (N, D), to the probabilities of the groups, (N, K).

    For ``"coral"`` one number says how old a face is, and K - 1 thresholds that rise where it changes the group; what
    lies between two thresholds is the probability of the group. No layer of our own: the saved model needs none.

    Examples
    --------
    >>> inputs = keras.Input((4,))
    >>> model = keras.Model(inputs, head(inputs, 3, "coral"))
    >>> bool(np.allclose(model(np.ones((2, 4))).numpy().sum(axis=1), 1))
    True
    """
    if loss != "coral":
        return layers.Dense(groups, activation="softmax", name="groups", dtype="float32")(features)
    # Scores begin in the middle of the thresholds, which lie within 8: else they have to travel past all of them first.
    step = 8 / (groups - 1)
    middle = keras.initializers.Constant(4 + step / 2)
    score = layers.Dense(1, bias_initializer=middle, name="score", dtype="float32")(features)
    start = keras.initializers.Constant(math.log(math.expm1(step)))  # whose softplus is the step
    steps = layers.Dense(groups - 1, use_bias=False, kernel_initializer=start, name="thresholds", dtype="float32")(
        ops.ones_like(score)
    )
    thresholds = ops.cumsum(ops.softplus(steps), axis=-1)
    older = ops.sigmoid(score - thresholds)
    ends = ops.concatenate([ops.ones_like(score), older, ops.zeros_like(score)], axis=-1)
    return ends[:, :-1] - ends[:, 1:]
