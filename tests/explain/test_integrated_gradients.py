"""Integrated gradients against what the paper proves of them, and against a sum of differences."""

import numpy as np
import pytest

from age_audit.estimators import load_estimator
from age_audit.explain.integrated_gradients import IntegratedGradientsExplainer
from age_audit.explain.parameters import IntegratedGradientsParameters


class Bowl:
    """Years are a known function of the pixels, whose derivatives are at hand: sum of (weight * value)^2 / 1e6."""

    gives_gradients = True

    def __init__(self):
        self.weights = np.random.default_rng(0).normal(size=(224, 224, 3))

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
    found = IntegratedGradientsExplainer(estimator, IntegratedGradientsParameters(steps=24)).explain(crops[0])
    colour = np.rint(crops[0].mean(axis=(0, 1))).astype(np.uint8)
    whole, none = estimator.predict(np.stack([crops[0], np.broadcast_to(colour, crops[0].shape)])).age
    assert found.map.sum() == pytest.approx(whole - none, abs=1.5)
    assert abs(whole - none) > 3
