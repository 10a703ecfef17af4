"""RISE against the paper's loop, and its intervals against what more masks give."""

import numpy as np
import pytest

from age_audit.core.schema import AgeEstimate
from age_audit.estimators.targets import parse_target
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
        found = RiseExplainer(Contrast(), RiseParameters(num_samples=48), seed=seed).explain(crops[0])
        held.append(((found.interval[..., 0] <= many) & (many <= found.interval[..., 1])).mean())
        assert (found.positive_mask == (found.interval[..., 0] > 0)).all()
    assert 0.88 < np.mean(held) < 0.99


def test_other_faces_and_seeds_have_other_masks(crops):
    masks = [
        RiseExplainer(Contrast(), RiseParameters(num_samples=2), seed)._masks(face) for face in crops for seed in (1, 2)
    ]
    assert len({mask.tobytes() for mask in masks}) == 4


def test_one_mask_is_refused(crops):
    with pytest.raises(ValueError, match="expected 2 samples or more, got 1"):
        RiseExplainer(Contrast(), RiseParameters(num_samples=1)).explain(crops[0], parse_target("age"))
