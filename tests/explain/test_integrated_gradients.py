"""Integrated gradients against what the paper proves of them, and against a sum of differences."""

import numpy as np
import pytest

from age_audit.core.errors import UsageError
from age_audit.core.schema import AgeEstimate
from age_audit.estimators import load_estimator
from age_audit.estimators.targets import parse_target
from age_audit.explain.integrated_gradients import IntegratedGradientsExplainer
from age_audit.explain.parameters import IntegratedGradientsParameters


class Bowl:
    """Years are a known function of the pixels, whose derivatives are at hand: sum of (weight * value)^2 / 1e6."""

    gives_gradients = True

    def __init__(self):
        self.weights = np.random.default_rng(0).normal(size=(224, 224, 3))

    def predict(self, faces):
        return AgeEstimate(self.years(faces), np.zeros((len(faces), 0)), np.zeros(0))

    def years(self, faces):
        return ((self.weights * faces) ** 2).sum(axis=(1, 2, 3)) / 1e6

    def gradients(self, faces, target):
        return (2 * self.weights**2 * faces / 1e6).astype(np.float32)


@pytest.mark.parametrize("baseline", ["black", "mean-colour"])
def test_a_square_is_shared_out_exactly(baseline, crops):
    # of w^2 x^2 on the way from b to x, each pixel gets w^2 (x^2 - b^2): the midpoint rule is exact for a line
    bowl, face = Bowl(), crops[0].astype(float)
    start = np.zeros(3) if baseline == "black" else np.rint(face.mean(axis=(0, 1)))
    found = IntegratedGradientsExplainer(bowl, IntegratedGradientsParameters(4, baseline)).explain(crops[0])
    np.testing.assert_allclose(found.map, (bowl.weights**2 * (face**2 - start**2)).sum(axis=-1) / 1e6, atol=1e-7)
    sums = bowl.years(np.stack([face, np.broadcast_to(start, face.shape)]))
    assert found.map.sum() == pytest.approx(sums[0] - sums[1], rel=1e-4)


def test_the_years_of_a_real_estimator_are_shared_out(crops):
    estimator = load_estimator("dex-wrn")
    few = IntegratedGradientsParameters(steps=8, most_steps=16)
    found = IntegratedGradientsExplainer(estimator, few).explain(crops[0])
    colour = np.rint(crops[0].mean(axis=(0, 1))).astype(np.uint8)
    whole, none = estimator.predict(np.stack([crops[0], np.broadcast_to(colour, crops[0].shape)])).age
    assert found.map.sum() == pytest.approx(whole - none - found.unexplained, abs=max(0.1, 0.02 * abs(whole - none)))
    assert abs(whole - none) > 3
    assert abs(found.unexplained) < 1.5


class Step:
    """Years that jump by 20 where the mean is 100, softly: few steps miss how much, more find it."""

    gives_gradients = True

    def __init__(self, sharpness):
        self.sharpness, self.asked = sharpness, 0

    def predict(self, faces):
        ages = 20 / (1 + np.exp(-self.sharpness * (faces.mean(axis=(1, 2, 3), dtype=float) - 100)))
        return AgeEstimate(ages, np.zeros((len(faces), 0)), np.zeros(0))

    def gradients(self, faces, target):
        self.asked += len(faces)
        share = self.predict(faces).age / 20
        slope = 20 * self.sharpness * share * (1 - share) / faces[0].size
        return np.broadcast_to(slope[:, None, None, None], faces.shape).astype(np.float32)


BRIGHT = np.full((224, 224, 3), 203, dtype=np.uint8)


def test_steps_are_doubled_until_the_sum_closes():
    steep, parameters = Step(2.0), IntegratedGradientsParameters(steps=4, baseline="black")
    found = IntegratedGradientsExplainer(steep, parameters).explain(BRIGHT)
    assert found.unexplained == 0
    assert found.map.sum() == pytest.approx(20, abs=0.4)  # 2 % of the difference
    assert steep.asked in (2**n + 1 for n in (5, 6, 7, 8))  # every place on the way is asked about once
    gentle = Step(0.01)
    IntegratedGradientsExplainer(gentle, parameters).explain(BRIGHT)
    assert gentle.asked == 5


@pytest.mark.parametrize("most", [4, 7, 8, 512])
def test_what_does_not_close_is_said_and_never_scaled(most):
    sheer = Step(500.0)
    parameters = IntegratedGradientsParameters(steps=4, baseline="black", most_steps=most)
    found = IntegratedGradientsExplainer(sheer, parameters).explain(BRIGHT)
    assert sheer.asked == {4: 5, 7: 5, 8: 9, 512: 513}[most]
    assert abs(found.unexplained) > 0.4
    assert found.map.sum() + found.unexplained == pytest.approx(20, abs=1e-6)
    np.testing.assert_array_equal(found.map, found.map[0, 0])


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_doubled_steps_are_the_trapezia_of_as_many(steps):
    """Against the sum written out, one place after the other."""
    once = IntegratedGradientsParameters(steps, "black", most_steps=4 * steps, tolerance=0)
    found = IntegratedGradientsExplainer(Step(500.0), once).explain(BRIGHT)
    model, total = Step(500.0), 0
    for place in range(4 * steps + 1):
        weight = 0.5 if place in (0, 4 * steps) else 1
        way = (BRIGHT * np.float32(place / (4 * steps)))[None].astype(np.float32)
        total += weight * (model.gradients(way, None)[0].astype(float) * BRIGHT).sum()
    assert found.map.sum() == pytest.approx(total / (4 * steps), rel=1e-5, abs=1e-9)


@pytest.fixture(scope="module")
def tiny():
    import keras

    from age_audit.estimators.base import EstimatorInfo
    from age_audit.estimators.keras_model import KerasEstimator

    def drawn(seed, spread):
        return keras.initializers.RandomNormal(stddev=spread, seed=seed)

    faces = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(8, 5, 2, activation="relu", kernel_initializer=drawn(1, 0.5))(faces / 255.0)
    x = keras.layers.GlobalAveragePooling2D()(x)
    ages = keras.layers.Dense(101, "softmax", kernel_initializer=drawn(2, 3))(x)
    info = EstimatorInfo("tiny", "none", 16, "RGB", (0.0, 255.0))
    return KerasEstimator(keras.Model(faces, ages), info, np.arange(101.0))


@pytest.mark.parametrize("target", ["age", "over:50"])
@pytest.mark.parametrize("name", ["tiny", "face-api", "faceres"])
def test_sums_close_or_say_by_how_much_they_do_not(name, target, crops, tiny):
    try:
        estimator = tiny if name == "tiny" else load_estimator(name)
    except UsageError as error:
        pytest.skip(str(error))
    if name == "face-api" and target != "age":
        pytest.skip("face-api gives ages only")
    steps = IntegratedGradientsParameters() if name == "tiny" else IntegratedGradientsParameters(16, most_steps=32)
    found = IntegratedGradientsExplainer(estimator, steps).explain(crops[0], target)
    colour = np.broadcast_to(np.rint(crops[0].mean(axis=(0, 1))).astype(np.uint8), crops[0].shape)
    whole, none = parse_target(target).of(estimator.predict(np.stack([crops[0], colour])))
    close = max(0.1 if target == "age" else 0.001, 0.02 * abs(whole - none))
    assert found.map.sum() + found.unexplained == pytest.approx(whole - none, abs=1.01 * close)
    assert found.unexplained == 0 or abs(found.unexplained) > close
    if name == "tiny":
        assert found.unexplained == 0 and abs(whole - none) > close
