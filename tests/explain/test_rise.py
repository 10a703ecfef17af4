"""RISE against the paper's loop, and its intervals against what more masks give."""

import numpy as np
import pytest

from age_audit.core.errors import UsageError
from age_audit.core.schema import AgeEstimate
from age_audit.explain.parameters import RiseParameters
from age_audit.explain.rise import RiseExplainer


class Contrast:
    def predict(self, faces):
        return AgeEstimate(faces.astype(float).std(axis=(1, 2, 3)), np.ones((len(faces), 1)), np.zeros(1))


def test_as_the_papers_loop(crops):
    explainer = RiseExplainer(Contrast(), RiseParameters(num_samples=70), seed=5)
    masks, colour = explainer._masks(crops[0]), crops[0].mean(axis=(0, 1))
    total, shown, ages = np.zeros((224, 224)), np.zeros((224, 224)), []
    for mask in masks:
        blended = crops[0] * mask[..., None] + colour * (1 - mask[..., None])
        ages.append(blended.std())
        total += ages[-1] * mask
        shown += mask
    found = explainer.explain(crops[0])
    np.testing.assert_allclose(found.map, total / shown - np.mean(ages), atol=1e-3)


def test_masks_are_soft_and_show_half(crops):
    masks = RiseExplainer(Contrast(), RiseParameters(num_samples=400))._masks(crops[0])
    assert masks.min() == 0 and masks.max() == 1
    assert 0.05 < ((masks > 0.2) & (masks < 0.8)).mean()
    np.testing.assert_allclose(masks.mean(axis=0), 0.5, atol=0.1)
    neighbours = np.abs(np.diff(masks, axis=2)).max()
    assert neighbours < 1.5 / 32  # no edge: a cell has 32 pixels


def test_intervals_hold_what_many_masks_give(crops):
    many = RiseExplainer(Contrast(), RiseParameters(num_samples=800), seed=99).explain(crops[0]).map
    held = []
    for seed in range(6):
        alone = RiseParameters(num_samples=48, settled_by="interval")
        found = RiseExplainer(Contrast(), alone, seed=seed).explain(crops[0])
        held.append(((found.interval[..., 0] <= many) & (many <= found.interval[..., 1])).mean())
        assert (found.positive_mask == (found.interval[..., 0] > 0)).all()
    assert 0.88 < np.mean(held) < 0.99


def test_other_faces_and_seeds_have_other_masks(crops):
    masks = [
        RiseExplainer(Contrast(), RiseParameters(num_samples=3), seed)._masks(face) for face in crops for seed in (1, 2)
    ]
    assert len({mask.tobytes() for mask in masks}) == 4


def test_two_masks_are_too_few_for_a_spread():
    """Deviations of two answers from their mean are each other's mirror image, and their parts are equal."""
    with pytest.raises(UsageError, match="expected num_samples to be a whole number, at least 3"):
        RiseParameters(num_samples=2)


class Noise:
    """Ages that a corner of the face moves, by ``effect`` years at most, and chance beside it."""

    def __init__(self, effect, seed):
        self.effect, self.generator = effect, np.random.default_rng(seed)

    def predict(self, faces):
        corner = np.abs(faces[:, :32, :32, 0] - 90).mean(axis=(1, 2)) / 30
        ages = 30 + self.effect * corner + self.generator.normal(size=len(faces))
        return AgeEstimate(ages, np.ones((len(faces), 1)), np.zeros(1))


@pytest.mark.parametrize("effect", [0, 6])
def test_settled_pixels_hold_a_false_discovery_rate(effect):
    face = np.full((224, 224, 3), 120, dtype=np.uint8)
    face[:112] = 60  # mean colour 90
    elsewhere = np.ones((224, 224), dtype=bool)
    elsewhere[:80, :80] = effect == 0  # a cell has 32 pixels and reaches into the next: beyond, nothing has an effect
    shares = {"interval": [], "false-discovery-rate": []}
    for seed in range(8):
        for rule, found in shares.items():
            parameters = RiseParameters(num_samples=64, settled_by=rule)
            said = RiseExplainer(Noise(effect, seed), parameters, seed).explain(face)
            settled = said.positive_mask | said.negative_mask
            found.append((settled & elsewhere).sum() / max(settled.sum(), 1))
            assert rule == "interval" or not effect or said.positive_mask[10, 10]
    assert np.mean(shares["false-discovery-rate"]) < 0.1  # at most 0.05 is expected; faces are few
    assert np.mean(shares["interval"]) > 0.15


def test_of_a_pixel_that_is_never_shown_nothing_is_known(crops):
    found = RiseExplainer(Contrast(), RiseParameters(num_samples=4, shown=0.1)).explain(crops[0])
    unknown = np.isinf(found.interval[..., 0])
    assert 0.1 < unknown.mean() < 1
    assert np.isfinite(found.map).all() and (found.map[unknown] == 0).all()
    assert not (found.positive_mask | found.negative_mask)[unknown].any()
