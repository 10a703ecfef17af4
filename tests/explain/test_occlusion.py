"""Occlusion against a loop over covered pictures."""

import numpy as np
import pytest

from age_audit.core.schema import AgeEstimate
from age_audit.explain.occlusion import OcclusionExplainer, covered_patches
from age_audit.explain.parameters import OcclusionParameters


class Contrast:
    def predict(self, faces):
        return AgeEstimate(faces.astype(float).std(axis=(1, 2, 3)), np.ones((len(faces), 1)), np.zeros(1))


def test_as_a_loop_over_covered_pictures(crops):
    face, side = crops[0], 224 // 7
    colour = np.rint(face.mean(axis=(0, 1))).astype(np.uint8)
    taken, times = np.zeros((224, 224)), np.zeros((224, 224))
    whole = Contrast().predict(face[None]).age[0]
    for top in range(-side, 224, side):
        for left in range(-side, 224, side):
            rows, columns = slice(max(top, 0), top + 2 * side), slice(max(left, 0), left + 2 * side)
            covered = face.copy()
            covered[rows, columns] = colour
            taken[rows, columns] += whole - Contrast().predict(covered[None]).age[0]
            times[rows, columns] += 1
    found = OcclusionExplainer(Contrast(), OcclusionParameters(cells=7, window=2)).explain(face)
    np.testing.assert_allclose(found.map, taken / times / 4, atol=1e-9)
    np.testing.assert_array_equal(found.positive_mask, found.map > 0)


class Sum:
    """Years: 40, and what each pixel's red is worth at its place. To cover one thing changes nothing of another."""

    def __init__(self):
        self.worth = np.zeros((224, 224))
        self.worth[64:128, 32:160] = 1e-4

    def predict(self, faces):
        ages = 40 + (faces[..., 0] * self.worth).sum(axis=(1, 2))
        return AgeEstimate(ages, np.ones((len(faces), 1)), np.zeros(1))


def test_a_region_takes_off_what_its_patches_sum_to():
    """Whatever the square: with weights of whole squares, each pixel would count as often as squares cover it."""
    face = np.zeros((224, 224, 3), dtype=np.uint8)
    face[:, :112] = 200  # mean colour 100: to cover all of it takes as much off on the left as it adds on the right
    taken_off = 1e-4 * 100 * 64 * (112 - 32)
    for window in (1, 2, 3):
        found = OcclusionExplainer(Sum(), OcclusionParameters(cells=14, window=window)).explain(face)
        assert found.weights.sum() == pytest.approx(taken_off - 1e-4 * 100 * 64 * (160 - 112))
        left = np.unique(found.segments[:, :80])  # far from the middle, where no square covers anything else
        inside = 1e-4 * 100 * 64 * (80 - 32)
        assert found.weights[left].sum() == pytest.approx(inside, rel=1e-9 if window == 1 else 0.05)


def test_every_patch_is_covered_as_often():
    for cells, window in ((14, 2), (7, 3), (5, 1)):
        rows = covered_patches(cells, window)
        assert set(rows.sum(axis=0)) == {window**2}
        assert len(rows) == (cells + window - 1) ** 2


def test_sides_that_do_not_divide_the_crop(crops):
    found = OcclusionExplainer(Contrast(), OcclusionParameters(cells=9, window=2)).explain(crops[0])
    assert len(np.unique(found.segments)) == 81
