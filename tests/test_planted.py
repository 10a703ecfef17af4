"""Planted estimators: what they add is what it says, by hand, by derivative, and on masked faces as on made ones."""

import numpy as np
import pytest

from age_audit.core.schema import AgeEstimate
from age_audit.estimators.base import AgeEstimator, EstimatorInfo
from age_audit.estimators.masked import MaskedFaces
from age_audit.estimators.targets import parse_target
from age_audit.explain import load_explainer
from benchmarks import audit_power
from benchmarks.planted import FLAWS, Flaw, Planted, Remembering, squares_of

AGE = parse_target("age")


class Corner(AgeEstimator):
    """A third of the mean grey of the upper left quarter, in years; maps of 2 x 2 cells of the middle 112 pixels."""

    info = EstimatorInfo("corner", "none", 224, "RGB", (0.0, 255.0))
    classes = np.zeros(0)
    gives_gradients = True
    asked = 0

    def forward(self, faces):
        self.asked += len(faces)
        return faces[:, :112, :112].mean(axis=(1, 2, 3), dtype=float) / 3, None

    def gradients(self, faces, target):
        gradient = np.zeros(faces.shape, dtype=np.float32)
        gradient[:, :112, :112] = 1 / 3 / (112 * 112 * 3)
        return gradient

    view = 112

    def last_maps(self, faces, target):
        maps = np.arange(1.0, 9).reshape(1, 2, 2, 2)
        return maps, np.full_like(maps, 0.5)


def noise(seed=0, count=1):
    return np.random.default_rng(seed).integers(0, 256, (count, 224, 224, 3), dtype=np.uint8)


def masked_noise():
    face = noise(1)[0]
    segments = (np.arange(224) // 37)[:, None] * 7 + np.arange(224) // 32
    shown = np.random.default_rng(2).integers(0, 2, (40, segments.max() + 1))
    return MaskedFaces(face, noise(3)[0], segments, shown)


@pytest.mark.parametrize("flaw", FLAWS.values(), ids=FLAWS)
def test_masked_faces_measure_as_made_ones(flaw):
    masked = masked_noise()
    (made,) = masked.batches(len(masked))
    assert flaw.measure_masked(masked) == pytest.approx(flaw.measure(made))


@pytest.mark.parametrize("flaw", FLAWS.values(), ids=FLAWS)
def test_squares_sum_to_the_measure(flaw):
    faces = noise(4, 2)
    assert flaw.cells(faces).sum(axis=(1, 2)) == pytest.approx(flaw.measure(faces))


@pytest.mark.parametrize("flaw", FLAWS.values(), ids=FLAWS)
def test_derivative_is_the_slope(flaw):
    face = noise(5).astype(float)
    gradient = flaw.gradient(face)
    assert gradient.shape == face.shape
    rng = np.random.default_rng(6)
    direction = rng.normal(size=face.shape)
    step = 1e-6
    slope = (flaw.measure(face + step * direction) - flaw.measure(face - step * direction)) / (2 * step)
    assert (gradient * direction).sum() == pytest.approx(slope[0], rel=1e-3)


def test_detail_by_hand():
    faces = np.zeros((1, 224, 224, 3))
    faces[0, 0, 1], faces[0, 1, 0] = 30, 60
    # grey 0 30 / 60 0: steps down 60, 30 and across 30, 60; 180 over four pixels
    assert Flaw(((0, 2, 0, 2),), 9, (), detail=True).measure(faces) == pytest.approx(45)


def test_the_real_estimator_is_asked_once():
    real = Corner()
    once = Remembering(real)
    for years in (0, 1, 2):
        found = Planted(once, FLAWS["mouth"], years).predict(noise(7, 3))
    assert real.asked == 3
    assert found.age == pytest.approx(real.predict(noise(7, 3)).age + 2 * FLAWS["mouth"].measure(noise(7, 3)) / 134)
    once.predict_masked(masked_noise())
    once.predict_masked(masked_noise())
    assert real.asked == 6 + 40


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        *(
            ("lime", {"num_samples": 64}),
            ("kernel-shap", {}),
            ("occlusion", {"cells": 4}),
            ("rise", {"num_samples": 32}),
        ),
        *(("grad-cam", {}), ("grad-cam++", {}), ("score-cam", {}), ("smooth-grad", {"num_samples": 2})),
        ("integrated-gradients", {"steps": 2}),
    ],
)
def test_years_whatever_the_picture_leave_explanations_alone(name, parameters):
    """A gap in error between groups, and no region: audits of it are those of nothing."""
    face = noise(8)[0]
    real, older = (
        load_explainer(name, Planted(Corner(), None, years), **parameters).explain(face).map for years in (0, 9)
    )
    assert older == pytest.approx(real, abs=1e-9)
    assert Planted(Corner(), None, 9).predict(face[None]).age == Corner().predict(face[None]).age + 9


LINEAR = {
    **{"lime": {"num_samples": 64}, "kernel-shap": {}, "occlusion": {"cells": 4}, "rise": {"num_samples": 32}},
    **{"integrated-gradients": {"steps": 4, "most_steps": 4}, "random": {}},
}


def test_linear_methods_are_all_tried():
    assert set(LINEAR) == set(audit_power.LINEAR)


@pytest.mark.parametrize("name", LINEAR)
def test_methods_that_the_benchmark_takes_for_linear_are(name):
    """An explanation at 6 years is the real one, and three times what 2 years add to it."""
    face = noise(9)[0] // 3 + np.arange(0, 168, 0.75, dtype=np.float32)[:, None].astype(np.uint8)
    once = Remembering(Corner())
    maps = [
        load_explainer(name, Planted(once, FLAWS["background"], years), **LINEAR[name]).explain(face).map
        for years in (0, 2, 6)
    ]
    assert maps[2] == pytest.approx(maps[0] + 3 * (maps[1] - maps[0]), abs=1e-6)
    assert np.abs(maps[1] - maps[0]).max() > 1e-5 or name == "random"


def test_maps_keep_what_they_sum_to():
    planted = Planted(Corner(), FLAWS["mouth"], 2)
    maps, gradients = planted.last_maps(noise(10), AGE)
    real, slopes = Corner().last_maps(noise(10), AGE)
    assert maps.shape == gradients.shape == (1, 16, 16, 3)
    years = 2 * FLAWS["mouth"].measure(noise(10))[0] / 134
    assert (maps * gradients).sum() == pytest.approx((real * slopes).sum() + years)
    # 112 pixels in the middle are 8 squares, four of each cell: what lies around is 0
    assert maps[0, 4:8, 8:12, 0] == pytest.approx(np.full((4, 4), 3)) and not maps[0, :4, :, :2].any()


def test_squares_on_an_odd_view():
    shares = squares_of(7, view=146)
    assert shares.sum() * 14 == pytest.approx(146) and shares.sum(axis=0) * 14 == pytest.approx(np.full(7, 146 / 7))
    assert shares.max() <= 1 and not shares[0].any()


def test_only_the_age_is_changed():
    class Gendered:
        def predict(self, faces):
            return AgeEstimate(np.array([20.0]), np.ones((1, 1)), np.array([20.0]), np.array([0.25]))

    found = Planted(Gendered(), None, 4).predict(noise(11))
    assert (found.age, found.probability_female) == (24, 0.25)
