"""Sums over regions against sums done by hand, and intervals against errors that were drawn."""

import numpy as np
import pytest

from age_audit.core.schema import Attribution
from age_audit.explain.base import of_map
from age_audit.explain.design import balanced_design
from age_audit.explain.regression import fit_local_model, foldover_intervals
from age_audit.regions.polygons import REGIONS, region_masks
from age_audit.regions.years import region_years

# An eye of 3 x 3 pixels, rows and columns 3 to 5; nothing else encloses a pixel but the outer regions.
LANDMARKS = np.full((68, 2), 10)
LANDMARKS[36:42] = [(2, 2), (6, 2), (6, 6), (2, 6), (2, 6), (2, 6)]
SIZE = 20


def superpixels(segments, weights, interval=None):
    nothing = np.zeros(segments.shape, dtype=bool)
    return Attribution(segments, np.array(weights, dtype=float), "expected_age", nothing, nothing, interval)


def quarters():
    """0 and 1: rows 0-3, left and right of column 4; 2 and 3: below."""
    segments = np.zeros((SIZE, SIZE), dtype=int)
    segments[:, 4:] += 1
    segments[4:] += 2
    return segments


def test_superpixels_give_a_region_what_lies_in_it():
    # of the eye's 9 pixels: 1 in superpixel 0 (16 pixels), 2 in 1 (64), 2 in 2 (64), 4 in 3 (256)
    found = region_years(superpixels(quarters(), [16, 64, -32, 128]), LANDMARKS)["eye_l_inner"]
    assert found.value == 1 + 2 - 1 + 2
    assert np.isnan([found.low, found.high]).all()


def test_reaches_add_in_squares():
    # reaches 16 and 32 below and above, 1/16 of them; 128 and 64, 1/32 of them; none of superpixels 2 and 3
    weights = np.array([16.0, 64, -32, 128])
    interval = weights[:, None] + [[-16, 32], [-128, 64], [0, 0], [0, 0]]
    found = region_years(superpixels(quarters(), weights, interval), LANDMARKS)["eye_l_inner"]
    assert found.low == pytest.approx(4 - np.sqrt(1 + 16))
    assert found.high == pytest.approx(4 + np.sqrt(4 + 4))


def test_an_infinite_interval_reaches_only_the_regions_it_touches():
    segments = np.zeros((SIZE, SIZE), dtype=int)
    segments[3:6, 3:6] = 1
    interval = np.array([[-np.inf, np.inf], [1, 3]])
    found = region_years(superpixels(segments, [5, 2], interval), LANDMARKS)
    assert found["eye_l_inner"] == (2, 1, 3)
    assert found["top"][1:] == (-np.inf, np.inf) and found["top"].value > 0


def test_values_that_add_up_are_summed_and_others_averaged():
    values = np.zeros((SIZE, SIZE))
    values[3, 3:6], values[5, 5] = [1, 2, 3], -15
    # interval a pixel: from one below to two above
    dense = of_map(values, "expected_age", True, np.stack([values - 1, values + 2], axis=-1))
    assert region_years(dense, LANDMARKS, additive=True)["eye_l_inner"] == (-9, -18, 9)
    assert region_years(dense, LANDMARKS)["eye_l_inner"] == (-1, -2, 1)


def test_a_region_without_pixels_has_a_sum_and_no_mean():
    dense = of_map(np.ones((SIZE, SIZE)), "expected_age", True)
    assert region_years(dense, LANDMARKS, additive=True)["nose"].value == 0
    assert region_years(superpixels(quarters(), [1, 2, 3, 4]), LANDMARKS)["nose"].value == 0
    assert np.isnan(region_years(dense, LANDMARKS)["nose"]).all()


def test_as_pixel_by_pixel():
    """Literal: every pixel carries its superpixel's weight, divided by the superpixel's pixels."""
    rng = np.random.default_rng(3)
    for _ in range(5):
        landmarks, segments = rng.integers(-4, 68, (68, 2)), rng.integers(0, 12, (64, 64))
        weights = rng.normal(size=12)
        found = region_years(superpixels(segments, weights), landmarks)
        assert tuple(found) == REGIONS
        for region, mask in region_masks(landmarks, 64).items():
            total = 0.0
            for y, x in zip(*np.nonzero(mask), strict=True):
                total += weights[segments[y, x]] / (segments == segments[y, x]).sum()
            assert found[region].value == pytest.approx(total)


def test_of_a_region_made_of_whole_superpixels_intervals_cover_as_they_promise():
    """A balanced design, noise that is drawn anew: the eye is five superpixels, whose weights add up to 5 years."""
    segments = np.zeros((SIZE, SIZE), dtype=int)
    segments[3:6, 3:6] = [[1, 1, 2], [3, 3, 4], [3, 5, 5]]
    segments[10:] = np.arange(6, 16).repeat(20).reshape(10, 20)
    true = np.zeros(16)
    true[1:6] = [4, -2, 0, 2, 1]
    rng = np.random.default_rng(4)
    covered, settings = [], (0.25, 1.0)
    for _ in range(300):
        shown = balanced_design(16, 256, rng)
        years = 30 + shown @ true + rng.normal(0, 2, len(shown))
        model = fit_local_model(shown, years, *settings)
        interval = foldover_intervals(shown, years, model, *settings, confidence=0.95)
        eye = region_years(superpixels(segments, model.weights, interval), LANDMARKS)["eye_l_inner"]
        covered.append(eye.low <= 5 <= eye.high)
    # binomial: 95 % of 300 is 285, two standard errors are 8; and the ridge shrinks weights a little
    assert 0.91 <= np.mean(covered) <= 0.985


def test_a_superpixel_of_one_pixel_and_one_of_none():
    segments = np.zeros((SIZE, SIZE), dtype=int)
    segments[4, 4] = 2  # in the eye; no pixel is of 1
    found = region_years(superpixels(segments, [0, 100, 3]), LANDMARKS)
    assert found["eye_l_inner"].value == 3
    assert found["top"].value == 0


def test_a_region_of_one_pixel_has_its_value():
    landmarks = np.full((68, 2), 10)
    landmarks[36:42] = [(2, 2), (4, 2), (4, 4), (2, 4), (2, 4), (2, 4)]  # pixel 3, 3 alone
    values = np.zeros((SIZE, SIZE))
    values[3, 3] = 7
    dense = of_map(values, "expected_age", True)
    with np.errstate(all="raise"):
        for additive in (True, False):
            found = region_years(dense, landmarks, additive=additive)
            assert found["eye_l_inner"].value == 7
        assert np.isnan(found["nose"].value)
