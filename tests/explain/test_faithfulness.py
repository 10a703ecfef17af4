"""Faithfulness: worked by hand where the answer is known, held to a loop over pictures, and on a real estimator."""

import numpy as np
import pytest

from age_audit.core.errors import ImageFailure, UsageError
from age_audit.core.schema import AgeEstimate, Attribution
from age_audit.explain import load_explainer
from age_audit.explain.base import of_map
from age_audit.explain.faithfulness import (
    SCORES,
    chance_of,
    faithfulness,
    filled,
    hiding_curves,
    hiding_order,
)
from age_audit.explain.superpixels import image_seed, segment
from age_audit.explain.units import grid_units, unit_means


class Additive:
    """Years: 30, and of every cell of the grid its own share of how bright its red is. No cell acts through another."""

    def __init__(self, weights):
        self.weights = np.asarray(weights, dtype=float)

    def predict(self, faces):
        cells = faces[..., 0].reshape(-1, 4, 56, 4, 56).mean(axis=(2, 4)).reshape(-1, 16)
        ages = 30 + cells @ self.weights / 255
        return AgeEstimate(ages, np.ones((len(ages), 1)), np.zeros(1))


class Curved:
    """Years that no sum of parts gives, so that order matters."""

    def predict(self, faces):
        red = faces[..., 0].astype(float)
        ages = 20 + red[:, :112].std(axis=(1, 2)) + np.sqrt(red[:, 60:160, 40:90].mean(axis=(1, 2)))
        return AgeEstimate(ages, np.ones((len(ages), 1)), np.zeros(1))


def checkered(contrast=100):
    """A face whose cells of the 4 x 4 grid are in turn bright and dark around the mean colour 100."""
    bright = 100 + contrast * (1 - 2 * (np.add.outer(np.arange(4), np.arange(4)) % 2))
    return np.repeat(np.repeat(bright, 56, axis=0), 56, axis=1)[..., None].repeat(3, axis=2).astype(np.uint8)


def map_of(cells, signed=True):
    return of_map(np.asarray(cells, dtype=float)[grid_units(4)], "expected_age", signed=signed)


WEIGHTS = np.array([50.0, 1, 2, -3, 4, -5, 6, -7, 8, 9, -10, 11, -40, 13, -14, 15])
FACE = checkered()
# What hiding a cell takes off: its weight times how much brighter than the mean colour it is. All different.
EFFECTS = WEIGHTS * (unit_means(FACE[..., 0].astype(float), grid_units(4)) - 100) / 255
BY_CELL = {"units": grid_units(4), "steps": 16}


def test_the_curves_of_a_sum_are_the_sums_of_its_parts():
    order = np.argsort(-EFFECTS)
    shares, targets = hiding_curves(Additive(WEIGHTS), FACE, order[None], grid_units(4), "mean-colour", "age", 16)
    np.testing.assert_allclose(shares[0], np.arange(17) / 16)
    whole = 30 + WEIGHTS @ unit_means(FACE[..., 0].astype(float), grid_units(4)) / 255
    np.testing.assert_allclose(targets[0], whole - np.concatenate([[0], np.cumsum(EFFECTS[order])]))


def test_the_faithful_map_scores_what_its_order_is_worth():
    """By hand: a cell hidden as number k of 16 (from 0) is away for 15.5 - k sixteenths of the way."""
    found = faithfulness(Additive(WEIGHTS), FACE, map_of(EFFECTS), **BY_CELL)
    falling = np.sort(EFFECTS)[::-1]
    away = (15.5 - np.arange(16)) / 16
    assert found.gap == pytest.approx((falling - falling[::-1]) @ away)
    assert found.gap == pytest.approx(found.deletion + found.insertion)
    # A random order takes each cell off for half of the way, and half of its orders are the others reversed.
    assert found.chance.level == pytest.approx(found.chance.whole - EFFECTS.sum() / 2)
    assert found.deletion == pytest.approx(falling @ away - EFFECTS.sum() / 2)
    assert found.deletion > 3 * found.chance.level_spread and found.gap > 3 * found.chance.gap_spread


def test_a_reversed_map_loses_what_the_map_wins():
    right, wrong = (faithfulness(Additive(WEIGHTS), FACE, map_of(sign * EFFECTS), **BY_CELL) for sign in (1, -1))
    assert right.gap > 0 and wrong.gap == pytest.approx(-right.gap)
    assert wrong.deletion == pytest.approx(-right.insertion) and wrong.insertion == pytest.approx(-right.deletion)
    assert wrong.absolute == pytest.approx(right.absolute)  # which does not ask for signs


def test_no_order_has_a_larger_gap_than_the_faithful_one():
    rng = np.random.default_rng(3)
    best = faithfulness(Additive(WEIGHTS), FACE, map_of(EFFECTS), **BY_CELL)
    others = [
        faithfulness(Additive(WEIGHTS), FACE, map_of(rng.normal(size=16)), **BY_CELL, chance=best.chance).gap
        for _ in range(60)
    ]
    assert max(others) < best.gap
    assert abs(np.mean(others)) < 4 * np.std(others) / np.sqrt(len(others))  # random maps: 0 in the mean
    assert best.chance.gap_spread == pytest.approx(np.std(others), rel=0.6)


def test_absolute_change_finds_what_matters_whichever_way_it_moves_the_estimate():
    """Cells 0 and 12 move the estimate by far the most, one up and one down."""
    sizes = np.abs(EFFECTS)
    knows, guesses = (
        faithfulness(Additive(WEIGHTS), FACE, map_of(values, signed=False), **BY_CELL)
        for values in (sizes, sizes.max() - sizes)
    )
    assert knows.absolute > 0 > guesses.absolute
    signed = faithfulness(Additive(WEIGHTS), FACE, map_of(EFFECTS), **BY_CELL)
    assert signed.absolute == pytest.approx(knows.absolute)


def test_scores_in_spreads_are_over_those_of_random_orders():
    found = faithfulness(Additive(WEIGHTS), FACE, map_of(EFFECTS), **BY_CELL)
    spreads = found.in_spreads()
    assert list(spreads) == list(SCORES)
    assert spreads["gap"] == pytest.approx(found.gap / found.chance.gap_spread)
    assert spreads["insertion"] == pytest.approx(found.insertion / found.chance.level_spread)
    nothing = faithfulness(Additive(WEIGHTS), np.full_like(FACE, 9), map_of(EFFECTS), **BY_CELL)
    assert nothing.gap == 0 and np.isnan(nothing.in_spreads()["gap"])


def literally(estimator, face, order, units, fill, steps):
    """One curve the long way: a picture for each step, made pixel by pixel."""
    hidden = filled(face, fill)
    shares, targets = [], []
    for step in range(steps + 1):
        gone, pixels = set(), 0
        for unit in order:
            if pixels >= step * face[..., 0].size / steps:
                break
            gone.add(unit)
            pixels += int((units == unit).sum())
        picture = face.copy()
        for row in range(224):
            for column in range(224):
                if units[row, column] in gone:
                    picture[row, column] = hidden[row, column]
        shares.append(pixels / face[..., 0].size)
        targets.append(float(estimator.predict(picture[None]).age[0]))
    return shares, targets


@pytest.mark.parametrize("fill", ["mean-colour", "blurred"])
@pytest.mark.parametrize("kind", ["grid", "superpixels"])
def test_curves_are_those_of_pictures_made_pixel_by_pixel(crops, fill, kind):
    face = np.array(crops[0])
    units = grid_units(5) if kind == "grid" else segment(face, 4, 200, 0.2)
    orders = np.stack([np.random.default_rng(i).permutation(units.max() + 1) for i in range(2)])
    shares, targets = hiding_curves(Curved(), face, orders, units, fill, "age", 6)
    for order, share, target in zip(orders, shares, targets, strict=True):
        wanted = literally(Curved(), face, order, units, fill, 6)
        np.testing.assert_allclose(share, wanted[0], atol=1e-12)
        np.testing.assert_allclose(target, wanted[1], atol=1e-9)


def test_scores_are_those_of_trapezia_added_one_by_one(crops):
    face = np.array(crops[1])
    units = segment(face, 4, 200, 0.2)
    weights = np.random.default_rng(4).normal(size=units.max() + 1)
    raises = weights[units] > 0
    found = faithfulness(Curved(), face, Attribution(units, weights, "expected_age", raises, ~raises), units=units)

    def trapezia(order, change=False):
        shares, targets = hiding_curves(Curved(), face, np.array([order]), units, "mean-colour", "age")
        values = [abs(t - targets[0, 0]) if change else t for t in targets[0]]
        steps = zip(shares[0, :-1], shares[0, 1:], values[:-1], values[1:], strict=True)
        return sum((right - left) * (a + b) / 2 for left, right, a, b in steps)

    highest = np.argsort(-weights)
    assert found.gap == pytest.approx(trapezia(highest[::-1]) - trapezia(highest))
    assert found.deletion == pytest.approx(found.chance.level - trapezia(highest))
    sized = trapezia(np.argsort(-np.abs(weights)), change=True)
    assert found.absolute == pytest.approx(sized - found.chance.absolute)


def test_chance_is_the_mean_over_orders_and_their_reverses():
    from age_audit.core.randomness import stream

    face = FACE
    found = chance_of(Curved(), face, units=grid_units(4), orders=3, steps=4, seed=7)
    generator = stream(image_seed(face, 7), "orders")
    orders = [generator.permutation(16) for _ in range(3)]
    levels, gaps = [], []
    for order in orders:
        pair = []
        for way in (order, order[::-1]):
            shares, targets = literally(Curved(), face, way, grid_units(4), "mean-colour", 4)
            pair.append(np.trapezoid(targets, shares))
        levels += pair
        gaps.append(pair[1] - pair[0])
    assert found.level == pytest.approx(np.mean(levels))
    assert found.level_spread == pytest.approx(np.std(levels, ddof=1))
    assert found.gap_spread == pytest.approx(np.sqrt(np.mean(np.square(gaps))))


def test_equal_values_come_in_random_order():
    orders = [hiding_order(np.zeros(100), np.random.default_rng(seed)) for seed in range(40)]
    assert abs(np.mean([order[0] for order in orders]) - 49.5) < 15
    values = np.random.default_rng(5).integers(0, 4, 100)
    np.testing.assert_array_equal(np.sort(values)[::-1], values[hiding_order(values, np.random.default_rng(6))])


def test_a_map_of_superpixels_and_the_same_map_of_pixels_are_judged_alike(crops):
    face = np.array(crops[0])
    segments = segment(face, 4, 200, 0.2)
    weights = np.random.default_rng(8).normal(size=segments.max() + 1)
    raises = weights[segments] > 0
    by_superpixel = Attribution(segments, weights, "expected_age", raises, ~raises)
    dense = of_map(weights[segments], "expected_age", signed=True)
    assert faithfulness(Curved(), face, by_superpixel) == faithfulness(Curved(), face, dense)


def test_the_same_seed_gives_the_same_and_another_another(crops):
    found = [chance_of(Curved(), np.array(crops[0]), seed=seed) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]


def test_blurring_keeps_what_is_coarse(crops):
    face = np.array(crops[0])
    blurred, flat = (filled(face, fill).astype(float) for fill in ("blurred", "mean-colour"))
    assert np.abs(blurred - face).mean() < 0.8 * np.abs(flat - face).mean()
    steps = [np.abs(np.diff(picture.astype(float), axis=0)).max() for picture in (blurred, face)]
    assert steps[0] < 0.1 * steps[1]


def test_what_cannot_be_judged_is_refused():
    with pytest.raises(ValueError, match="expected a uint8 face"):
        faithfulness(Curved(), FACE[..., 0], map_of(EFFECTS))
    with pytest.raises(UsageError, match="expected fill to be one of mean-colour, blurred"):
        faithfulness(Curved(), FACE, map_of(EFFECTS), fill="snow")

    class Nothing:
        def predict(self, faces):
            return AgeEstimate(np.full(len(faces), np.nan), np.ones((len(faces), 1)), np.zeros(1))

    with pytest.raises(ImageFailure, match="no number for the face with some parts hidden"):
        faithfulness(Nothing(), FACE, map_of(EFFECTS))


def test_probabilities_are_judged_in_their_own_unit(cydral, crops):
    face = np.array(crops[0])
    gate = load_explainer("lime", cydral, target="over:18").explain(face)
    found = faithfulness(cydral, face, gate)
    assert 0 <= found.chance.none <= 1 and 0 <= found.chance.whole <= 1 and abs(found.gap) <= 1


@pytest.mark.parametrize("method", ["lime", "occlusion"])
def test_maps_of_a_real_estimator_beat_random_orders_and_reversed_lose(cydral, crops, method):
    """On Grace Hopper; on Eileen Collins this estimator's maps are hardly better than chance."""
    face = np.array(crops[1])
    explained = load_explainer(method, cydral).explain(face)
    found = faithfulness(cydral, face, explained, units=explained.segments)
    assert found.gap > found.chance.gap_spread > 0 and found.absolute > 0
    reverse = of_map(-explained.map, "expected_age", signed=True)
    lost = faithfulness(cydral, face, reverse, units=explained.segments, chance=found.chance)
    assert lost.gap < -found.chance.gap_spread
    if len(np.unique(explained.weights)) == len(explained.weights):  # equal ones come in another order
        assert lost.gap == pytest.approx(-found.gap)


class TestRefused:
    class Left:
        def predict(self, faces):
            return AgeEstimate(faces[:, :, :112].mean(axis=(1, 2, 3)), np.ones((len(faces), 1)), np.zeros(1))

    @pytest.mark.parametrize("unknown", [slice(None), slice(3, 4)])
    def test_a_map_that_is_not_finite_ranks_nothing(self, unknown, crops):
        values = np.ones((224, 224))
        values[unknown] = np.nan
        with pytest.raises(ValueError, match=f"finite values, got {np.isnan(values).sum()} of 50176 that are not"):
            faithfulness(self.Left(), crops[0], of_map(values, "expected_age", signed=True))

    @pytest.mark.parametrize("steps", [0, -1, 1, 2.5])
    def test_no_steps(self, steps, crops):
        said = of_map(np.ones((224, 224)), "expected_age", signed=True)
        with pytest.raises(UsageError, match="expected steps to be a whole number, at least 2"):
            faithfulness(self.Left(), crops[0], said, steps=steps)
        with pytest.raises(UsageError, match="expected steps to be a whole number, at least 2"):
            chance_of(self.Left(), crops[0], steps=steps)

    def test_what_is_no_attribution_of_the_crop(self, crops):
        with pytest.raises(ValueError, match=r"expected an Attribution, as explain\(face\) returns it, got ndarray"):
            faithfulness(self.Left(), crops[0], np.ones((224, 224)))
        with pytest.raises(ValueError, match=r"expected a map of shape \(224, 224\), got \(9, 9\)"):
            faithfulness(self.Left(), crops[0], of_map(np.ones((9, 9)), "expected_age", signed=True))
        said = of_map(np.ones((224, 224)), "expected_age", signed=True)
        with pytest.raises(ValueError, match="units as whole numbers"):
            faithfulness(self.Left(), crops[0], said, units=1 + grid_units())

    def test_no_orders(self, crops):
        with pytest.raises(UsageError, match="expected orders to be a whole number, at least 1, such as 1, got 0"):
            chance_of(self.Left(), crops[0], orders=0)

    def test_chance_of_what_is_no_face(self, crops):
        with pytest.raises(ValueError, match="expected a uint8 face"):
            chance_of(self.Left(), crops[0][..., 0])
